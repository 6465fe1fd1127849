// SPDX-License-Identifier: Apache-2.0
/*
 * The watchdog of Intel's 6300ESB I/O controller hub (Intel 300641, "Watchdog Timer", function 4 of device 29). See
 * include/iolite/i6300esb.h.
 *
 * Registers belong to vCPU threads, under the lock; the timer, to the loop's. The end of a stage is a time that the loop looks
 * at: a guest that serves the watchdog only puts that off, which wakes nobody. The loop finds out when it wakes, and sleeps on.
 *
 * A stage begins when the loop has seen the end of the one before it, so that a process that its host had stopped leaves the
 * guest the second stage to serve it in.
 *
 * A hostile guest may choose the shortest times and start over and over: the loop's timer never sleeps for less than a
 * millisecond, a timer that runs freely ten of them, and there is one timer, whatever the guest writes. Nothing is allocated.
 */
#include <iolite/i6300esb.h>

#include <glib.h>

enum {
	VENDOR = 0x8086,
	DEVICE = 0x25ab,
	CLASS = 0x088000, /* a system peripheral of no other kind */

	/* In the configuration space: the WDT configuration register. */
	CONFIG_AT = 0x60,
	CONFIG_INT_TYPE = 0x03, /* what the end of the first stage raises: */
	CONFIG_INT_IRQ = 0x00,
	CONFIG_INT_OFF = 0x03,
	CONFIG_FAST = 0x04, /* ticks of 2^5 PCI clocks (1 MHz) in the place of 2^15 (1 kHz) */
	CONFIG_OUTPUT_OFF = 0x20, /* the end of the second stage is not told to the board */
	CONFIG_WRITABLE = CONFIG_INT_TYPE | CONFIG_FAST | CONFIG_OUTPUT_OFF,

	/* The WDT lock register. */
	LOCK_AT = 0x68,
	LOCK_LOCKED = 0x01, /* this register stays as it is until a reset */
	LOCK_ENABLE = 0x02,
	LOCK_FREE_RUNNING = 0x04, /* the second stage alone, again and again */
	LOCK_WRITABLE = LOCK_LOCKED | LOCK_ENABLE | LOCK_FREE_RUNNING,

	/* In memory. The chip decodes 16 bytes; a function may take a page (PCI 3.0, 6.2.5.1). */
	BAR_BYTES = 0x1000,
	PRELOAD1_AT = 0x00,
	PRELOAD2_AT = 0x04,
	STATUS_AT = 0x08, /* general interrupt status */
	RELOAD_AT = 0x0c,
	PRELOAD_BITS = 0xfffff,
	STATUS_INTERRUPT = 0x01, /* the first stage ended; cleared by writing it */
	RELOAD_RELOAD = 0x100,
	RELOAD_TIMEOUT =
		0x200, /* the second stage ended; in the RTC's well: only who clears it clears it */

	/* Written to the reload register before each write to it or to a preload register. */
	UNLOCK_FIRST = 0x80,
	UNLOCK_SECOND = 0x86,
	UNLOCKED = 2, /* steps */

	STAGE_NONE = 0, /* it does not count */
	STAGE_FIRST = 1,
	STAGE_SECOND = 2,

	PCI_MHZ = 33,
	SLOW_SHIFT = 15,
	FAST_SHIFT = 5,
	NS_PER_US = 1000,
};

#define SLEEP_NS_MIN (1000 * IOL_NS_PER_US)
#define FREE_RUNNING_NS_MIN (10 * SLEEP_NS_MIN)

struct iol_i6300esb {
	struct iol_device dev;
	struct iol_pci_function fn;
	struct iol_loop *loop;
	struct iol_event_sink *sink;
	unsigned int autostart_s;

	/* Of the loop's thread. */
	struct iol_post post; /* the loop is to look at the time earlier than it would */
	struct iol_op timer;
	bool cancelled; /* the timer in flight */
	bool quiet; /* until the next reset */
	struct iol_quiesce *quiesce; /* who waits for the timer's end; NULL: nobody */

	pthread_mutex_t lock; /* of what follows */
	struct iol_irq_pin pin;
	bool intx_off;
	uint16_t config;
	uint8_t lock_bits;
	uint32_t preload[2];
	unsigned int unlock_steps;
	bool interrupted, timed_out; /* STATUS_INTERRUPT, RELOAD_TIMEOUT */
	bool output_low; /* WDT_TOUT#; as it falls, the board does what it is there for */
	unsigned int stage;
	bool runs;
	uint64_t end_ns; /* of the stage: while it runs a time, while it stands what is left */
	uint64_t look_ns; /* when the loop looks next; UINT64_MAX: not by itself */
};

/* --- counting; under the lock --- */

static bool counts(const struct iol_i6300esb *w)
{
	return w->stage != STAGE_NONE && w->runs;
}

static bool runs_freely(const struct iol_i6300esb *w)
{
	return w->lock_bits & LOCK_FREE_RUNNING;
}

static uint64_t stage_ns(const struct iol_i6300esb *w)
{
	uint64_t ticks = MAX(w->preload[w->stage - 1], 1);
	uint64_t clocks = ticks << (w->config & CONFIG_FAST ? FAST_SHIFT : SLOW_SHIFT);

	return clocks * NS_PER_US / PCI_MHZ;
}

static void begin_stage(struct iol_i6300esb *w, unsigned int stage, uint64_t now_ns)
{
	w->stage = stage;
	w->end_ns = (w->runs ? now_ns : 0) + stage_ns(w);
}

/* From its beginning, as enabling and reloading do. */
static void restart(struct iol_i6300esb *w)
{
	w->output_low = false;
	begin_stage(w, runs_freely(w) ? STAGE_SECOND : STAGE_FIRST, iol_loop_now_ns());
}

static void update_pin(struct iol_i6300esb *w)
{
	bool is_wanted = (w->config & CONFIG_INT_TYPE) == CONFIG_INT_IRQ && !w->intx_off;

	iol_irq_pin_set(&w->pin, w->interrupted && is_wanted);
}

/* When the loop is to look again; UINT64_MAX: there will be nothing to see. */
static uint64_t next_look(const struct iol_i6300esb *w, uint64_t now_ns)
{
	return counts(w) ? MAX(w->end_ns, now_ns + SLEEP_NS_MIN) : UINT64_MAX;
}

/* The stage is at its end. True with the event that this is. */
static bool end_stage(struct iol_i6300esb *w, uint64_t now_ns, enum iol_event *event)
{
	if (w->stage == STAGE_FIRST) {
		w->interrupted = true;
		update_pin(w);
		begin_stage(w, STAGE_SECOND, now_ns);
		*event = IOL_EVENT_WATCHDOG_PRETIMEOUT;
		return true;
	}
	w->timed_out = true;
	w->output_low = !runs_freely(w) || !w->output_low;
	if (runs_freely(w)) {
		begin_stage(w, STAGE_SECOND, now_ns);
		w->end_ns = MAX(w->end_ns, now_ns + FREE_RUNNING_NS_MIN);
	} else {
		w->stage = STAGE_NONE; /* until it is reloaded */
	}
	*event = IOL_EVENT_WATCHDOG;
	return w->output_low && !(w->config & CONFIG_OUTPUT_OFF);
}

/* --- the loop's side --- */

/* Looks at the time, and sees to it that it will be looked at again when there is something to see. */
static void look(struct iol_i6300esb *w)
{
	uint64_t now_ns = iol_loop_now_ns(), next_ns;
	bool is_event = false, is_late = false;
	enum iol_event event = IOL_EVENT_WATCHDOG;

	if (w->quiet)
		return;
	pthread_mutex_lock(&w->lock);
	if (counts(w) && now_ns >= w->end_ns)
		is_event = end_stage(w, now_ns, &event);
	next_ns = next_look(w, now_ns);
	if (w->timer.in_flight)
		is_late = next_ns < w->look_ns;
	else
		w->look_ns = next_ns;
	pthread_mutex_unlock(&w->lock);
	if (is_event)
		w->sink->raise(w->sink, event);
	if (is_late && !w->cancelled) {
		w->cancelled = true;
		iol_loop_cancel(w->loop, &w->timer);
	} else if (!w->timer.in_flight && next_ns != UINT64_MAX) {
		w->cancelled = false;
		iol_loop_timeout(w->loop, &w->timer, next_ns - now_ns);
	}
}

static void timer_done(struct iol_op *op, int res)
{
	struct iol_i6300esb *w = iol_container_of(op, struct iol_i6300esb, timer);
	struct iol_quiesce *quiesce = w->quiesce;

	(void)res; /* in time or cancelled */
	look(w);
	w->quiesce = NULL;
	if (quiesce)
		iol_quiesce_done(quiesce);
}

static void posted(struct iol_post *post)
{
	look(iol_container_of(post, struct iol_i6300esb, post));
}

/* After a change: the loop is told only if it would look too late. The lock is held, and let go. */
static void unlock_and_tell(struct iol_i6300esb *w)
{
	bool is_early = next_look(w, iol_loop_now_ns()) < w->look_ns;

	pthread_mutex_unlock(&w->lock);
	if (is_early)
		iol_loop_post(w->loop, &w->post);
}

void iol_i6300esb_run(struct iol_i6300esb *w, bool runs)
{
	uint64_t now_ns = iol_loop_now_ns();

	pthread_mutex_lock(&w->lock);
	if (runs && !w->runs)
		w->end_ns += now_ns;
	else if (!runs && w->runs)
		w->end_ns -= MIN(w->end_ns, now_ns);
	w->runs = runs;
	unlock_and_tell(w);
}

/* --- registers in memory --- */

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct iol_i6300esb *w = opaque;
	uint64_t value = 0;

	(void)len; /* a register answers at its own place, in any width */
	pthread_mutex_lock(&w->lock);
	switch (offset) {
	case PRELOAD1_AT:
	case PRELOAD2_AT:
		value = w->preload[offset / PRELOAD2_AT];
		break;
	case STATUS_AT:
		value = w->interrupted ? STATUS_INTERRUPT : 0;
		break;
	case RELOAD_AT:
		value = w->timed_out ? RELOAD_TIMEOUT : 0;
		break;
	default:
		break;
	}
	pthread_mutex_unlock(&w->lock);
	return value;
}

/* Whether registers are unlocked for a write; which they are for one only. */
static bool take_unlock(struct iol_i6300esb *w)
{
	bool is_unlocked = w->unlock_steps == UNLOCKED;

	w->unlock_steps = 0;
	return is_unlocked;
}

static void write_reload(struct iol_i6300esb *w, uint16_t value)
{
	if (value == UNLOCK_FIRST) {
		w->unlock_steps = 1;
	} else if (value == UNLOCK_SECOND && w->unlock_steps == 1) {
		w->unlock_steps = UNLOCKED;
	} else if (take_unlock(w)) {
		if (value & RELOAD_TIMEOUT)
			w->timed_out = false;
		if (value & RELOAD_RELOAD && w->lock_bits & LOCK_ENABLE)
			restart(w);
	}
}

static void bar_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct iol_i6300esb *w = opaque;

	pthread_mutex_lock(&w->lock);
	switch (offset) {
	case PRELOAD1_AT:
	case PRELOAD2_AT:
		/* It counts from the next time that it is loaded. */
		if (take_unlock(w) && len == 4)
			w->preload[offset / PRELOAD2_AT] = value & PRELOAD_BITS;
		break;
	case STATUS_AT:
		w->unlock_steps = 0;
		if (value & STATUS_INTERRUPT)
			w->interrupted = false;
		update_pin(w);
		break;
	case RELOAD_AT:
		write_reload(w, (uint16_t)value);
		break;
	default:
		w->unlock_steps = 0;
		break;
	}
	unlock_and_tell(w);
}

static const struct iol_bus_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
};

/* --- configuration space --- */

static struct iol_i6300esb *of_function(struct iol_pci_function *fn)
{
	return iol_container_of(fn, struct iol_i6300esb, fn);
}

/* Interrupt status (PCI 3.0, 6.2.3). */
static void config_read(struct iol_pci_function *fn, unsigned int offset, unsigned int len)
{
	struct iol_i6300esb *w = of_function(fn);

	(void)offset;
	(void)len;
	pthread_mutex_lock(&w->lock);
	fn->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
	if (w->interrupted && (w->config & CONFIG_INT_TYPE) == CONFIG_INT_IRQ)
		fn->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
	pthread_mutex_unlock(&w->lock);
}

/* Enabled it starts, and what is enabled already goes on. */
static void write_lock(struct iol_i6300esb *w, uint8_t value)
{
	bool was_enabled = w->lock_bits & LOCK_ENABLE;

	w->lock_bits = value;
	if (!(value & LOCK_ENABLE))
		w->stage = STAGE_NONE;
	else if (!was_enabled)
		restart(w);
}

static void config_written(struct iol_pci_function *fn, unsigned int offset, unsigned int len)
{
	struct iol_i6300esb *w = of_function(fn);
	uint16_t command = le16_load(fn->config + PCI_COMMAND);

	(void)offset;
	(void)len;
	pthread_mutex_lock(&w->lock);
	w->intx_off = command & PCI_COMMAND_INTX_DISABLE;
	w->config = le16_load(fn->config + CONFIG_AT);
	if (w->lock_bits & LOCK_LOCKED)
		fn->config[LOCK_AT] = w->lock_bits;
	else
		write_lock(w, fn->config[LOCK_AT]);
	update_pin(w);
	unlock_and_tell(w);
}

/* --- for the machine --- */

static struct iol_i6300esb *of_device(struct iol_device *dev)
{
	return iol_container_of(dev, struct iol_i6300esb, dev);
}

/*
 * As firmware leaves it where it has started it: half of the time for each stage, and no interrupt, which nobody would
 * serve. A driver takes over what it finds.
 */
static void autostart(struct iol_i6300esb *w)
{
	uint64_t clocks = (uint64_t)w->autostart_s * PCI_MHZ * IOL_NS_PER_S / NS_PER_US;
	uint32_t ticks = (uint32_t)((clocks + (1U << SLOW_SHIFT) - 1) >> SLOW_SHIFT);

	w->preload[0] = ticks / 2;
	w->preload[1] = ticks - ticks / 2;
	w->config = CONFIG_INT_OFF;
	w->lock_bits = LOCK_ENABLE;
	restart(w);
}

/* All but whether the second stage ended: by that bit a guest knows why it was reset. */
static void power_on(struct iol_i6300esb *w)
{
	w->intx_off = false;
	w->config = 0;
	w->lock_bits = 0;
	w->preload[0] = PRELOAD_BITS;
	w->preload[1] = PRELOAD_BITS;
	w->unlock_steps = 0;
	w->interrupted = false;
	w->output_low = false;
	w->stage = STAGE_NONE;
	if (w->autostart_s)
		autostart(w);
	update_pin(w);
}

static bool i6300esb_quiesce(struct iol_device *dev, struct iol_quiesce *quiesce)
{
	struct iol_i6300esb *w = of_device(dev);

	w->quiet = true;
	if (!w->timer.in_flight)
		return true;
	w->quiesce = quiesce;
	iol_loop_cancel(w->loop, &w->timer);
	return false;
}

/* The host bridge resets the configuration space. */
static void i6300esb_reset(struct iol_device *dev)
{
	struct iol_i6300esb *w = of_device(dev);

	w->quiet = false;
	pthread_mutex_lock(&w->lock);
	w->look_ns = UINT64_MAX;
	power_on(w);
	unlock_and_tell(w);
}

static void finish(struct iol_i6300esb *w)
{
	iol_irq_pin_set(&w->pin, false);
	pthread_mutex_destroy(&w->lock);
	g_free(w);
}

static void i6300esb_free(struct iol_device *dev)
{
	struct iol_i6300esb *w = of_device(dev);

	iol_pci_remove(&w->fn);
	iol_loop_post_cancel(w->loop, &w->post);
	finish(w);
}

static const struct iol_device_ops device_ops = {
	.name = "i6300esb",
	.quiesce = i6300esb_quiesce,
	.reset = i6300esb_reset,
	.free = i6300esb_free,
};

static void init_function(struct iol_i6300esb *w)
{
	static const struct iol_pci_identity identity = {
		.vendor = VENDOR,
		.device = DEVICE,
		.class_code = CLASS,
	};
	struct iol_pci_function *fn = &w->fn;

	iol_pci_function_init(fn, device_ops.name, &identity);
	fn->bars[0] = (struct iol_pci_bar){
		.kind = IOL_PCI_BAR_MEM32,
		.size_bytes = BAR_BYTES,
		.ops = &bar_ops,
		.dev = w,
	};
	if (w->pin.wire) {
		fn->config[PCI_INTERRUPT_PIN] = 1; /* INTA# */
		fn->config[PCI_INTERRUPT_LINE] = (uint8_t)w->pin.wire->gsi;
	}
	le16_store(fn->config + CONFIG_AT, w->config);
	le16_store(fn->writable + CONFIG_AT, CONFIG_WRITABLE);
	fn->config[LOCK_AT] = w->lock_bits;
	fn->writable[LOCK_AT] = LOCK_WRITABLE;
	fn->config_read = config_read;
	fn->config_written = config_written;
}

int iol_i6300esb_new(const struct iol_i6300esb_config *config, struct iol_i6300esb **watchdog,
		     struct iol_error *err)
{
	struct iol_i6300esb *w = g_new0(struct iol_i6300esb, 1);
	int ret;

	w->dev.ops = &device_ops;
	w->loop = config->loop;
	w->sink = config->sink;
	w->autostart_s = config->autostart_s;
	w->post.run = posted;
	w->timer.done = timer_done;
	w->pin.wire = config->intx;
	w->look_ns = UINT64_MAX;
	pthread_mutex_init(&w->lock, NULL);
	power_on(w);
	init_function(w);
	ret = iol_pci_add(config->host, config->slot, &w->fn, err);
	if (ret) {
		finish(w);
		return ret;
	}
	*watchdog = w;
	return 0;
}

struct iol_device *iol_i6300esb_device(struct iol_i6300esb *watchdog)
{
	return &watchdog->dev;
}
