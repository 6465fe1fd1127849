// SPDX-License-Identifier: Apache-2.0
/*
 * 16550A UART, after National's PC16550D data sheet. Its interrupt output is a level where the machine takes
 * levels. Where it takes edges it is wired as in a PC: OUT2 gates the interrupt, and the diagnostic loopback
 * holds OUT2 inactive. Register names are those of linux/serial_reg.h.
 *
 * Where it is not the chip: a byte takes no time on the line, so that THRE is true again when the
 * write returns; the FIFO's time-out is indicated at once; framing, parity and break do not happen,
 * because the far end is a stream of bytes; CTS, DSR and DCD are always on. A byte that the
 * backend has no room for waits in the transmit FIFO, with THRE and TEMT false.
 *
 * The chip lowers its output for as long as a byte takes between two
 * causes of the same kind; here that time is zero, but the edge at its end is still given
 * (restart_thre(), restart_timeout()): a handler that serves one cause per interrupt waits for it. Of a level it is the end
 * that counts.
 *
 * Registers are used on vCPU threads, receive() and writable() come on the loop's. Lock order: the
 * UART's, then the backend's.
 *
 * A hostile guest can lose its own bytes (by ignoring THRE, by clearing FIFOs) and raise its own
 * interrupt; memory is the two FIFOs.
 */
#include <iolite/uart.h>

#include <glib.h>
#include <linux/serial_reg.h>

#include <iolite/describe.h>

enum {
	DIVISOR_RESET = 12, /* 9600 baud of 1.8432 MHz */
	POLLS_TO_LISTEN = 16,
	IER_BITS = UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI,
	FCR_BITS = UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_MASK,
	MCR_BITS = UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT1 | UART_MCR_OUT2 | UART_MCR_LOOP,
	IIR_FIFO_BITS = 0xc0,
	LINES_CONNECTED = UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS,
};

struct fifo {
	uint8_t data[IOL_UART_FIFO_BYTES];
	unsigned int head, count;
};

struct uart {
	struct iol_device dev;
	struct iol_char_user user;
	struct iol_bus *bus;
	uint64_t base;
	struct iol_irq_output irq;
	struct iol_char *chr;

	pthread_mutex_t lock; /* of what follows */
	struct fifo rx;
	struct fifo tx; /* not empty: the backend will call writable() */
	uint8_t ier, fcr, lcr, mcr, msr, scratch;
	uint8_t divisor_low, divisor_high;
	bool overrun; /* LSR.OE */
	bool thre_pending; /* the THRE cause; only while IER.THRI */
	bool timeout_pending; /* the FIFO time-out cause */
	bool rx_refused; /* the backend has input that was not taken */
	unsigned int polls; /* reads of the line status with nothing between them */
	bool polled; /* the guest waits for input by reading the line status */
};

static void fifo_push(struct fifo *fifo, uint8_t byte)
{
	fifo->data[(fifo->head + fifo->count++) % IOL_UART_FIFO_BYTES] = byte;
}

static uint8_t fifo_pop(struct fifo *fifo)
{
	uint8_t byte = fifo->data[fifo->head];

	fifo->head = (fifo->head + 1) % IOL_UART_FIFO_BYTES;
	fifo->count--;
	return byte;
}

static bool fifos_enabled(const struct uart *uart)
{
	return uart->fcr & UART_FCR_ENABLE_FIFO;
}

static unsigned int fifo_depth(const struct uart *uart)
{
	return fifos_enabled(uart) ? IOL_UART_FIFO_BYTES : 1;
}

static bool is_looped(const struct uart *uart)
{
	return uart->mcr & UART_MCR_LOOP;
}

/* How many received bytes make the "data available" cause. */
static unsigned int rx_trigger(const struct uart *uart)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return fifos_enabled(uart) ? levels[uart->fcr >> UART_FCR_R_TRIG_SHIFT] : 1;
}

/* The pending cause of the highest priority, as the IIR says it (data sheet, table III). */
static uint8_t irq_cause(const struct uart *uart)
{
	if ((uart->ier & UART_IER_RLSI) && uart->overrun)
		return UART_IIR_RLSI;
	if ((uart->ier & UART_IER_RDI) && uart->rx.count >= rx_trigger(uart))
		return UART_IIR_RDI;
	if ((uart->ier & UART_IER_RDI) && uart->timeout_pending)
		return UART_IIR_RX_TIMEOUT;
	if (uart->thre_pending)
		return UART_IIR_THRI;
	if ((uart->ier & UART_IER_MSI) && (uart->msr & UART_MSR_ANY_DELTA))
		return UART_IIR_MSI;
	return UART_IIR_NO_INT;
}

/* Follows the causes with the output; to be called after each change of what irq_cause() reads. */
static void update_irq(struct uart *uart)
{
	bool gate = iol_irq_output_is_level(&uart->irq) ||
		    ((uart->mcr & UART_MCR_OUT2) && !is_looped(uart));

	iol_irq_output_set(&uart->irq, gate && irq_cause(uart) != UART_IIR_NO_INT);
}

/* The transmitter took a byte (the cause ends) and, unless bytes wait, is empty again. */
static void restart_thre(struct uart *uart)
{
	uart->thre_pending = false;
	update_irq(uart);
	uart->thre_pending = (uart->ier & UART_IER_THRI) && !uart->tx.count;
	update_irq(uart);
}

static void set_timeout(struct uart *uart)
{
	uart->timeout_pending =
		fifos_enabled(uart) && uart->rx.count && uart->rx.count < rx_trigger(uart);
	update_irq(uart);
}

/* The guest took a byte (the cause ends); what is left below the trigger level times out again. */
static void restart_timeout(struct uart *uart)
{
	uart->timeout_pending = false;
	update_irq(uart);
	set_timeout(uart);
}

/*
 * Whether the guest listens. A driver that takes the line into use clears the FIFO and then raises DTR
 * or RTS; what was typed or piped in before waits until then, as it would at a peer with flow
 * control. Software too simple for modem lines shows itself by polling. The loop disconnects the line.
 */
static bool wants_input(const struct uart *uart)
{
	return !is_looped(uart) && (uart->polled || (uart->mcr & (UART_MCR_DTR | UART_MCR_RTS)));
}

/* Asks for the input that was refused, when the guest listens and there is room for it. */
static void resume_input(struct uart *uart)
{
	if (!uart->rx_refused || uart->rx.count || !wants_input(uart))
		return;
	uart->rx_refused = false;
	iol_char_ready(uart->chr);
}

static void clear_rx(struct uart *uart)
{
	uart->rx.count = 0;
	set_timeout(uart);
	resume_input(uart);
}

static void clear_tx(struct uart *uart)
{
	bool was_waiting = uart->tx.count;

	uart->tx.count = 0;
	if (was_waiting)
		restart_thre(uart);
}

/* A byte that comes back by the loop, where nothing can be held up. */
static void receive_looped(struct uart *uart, uint8_t byte)
{
	if (uart->rx.count < fifo_depth(uart)) {
		fifo_push(&uart->rx, byte);
	} else {
		/* The holding register is overwritten; a full FIFO keeps what it has. */
		if (!fifos_enabled(uart))
			uart->rx.data[uart->rx.head] = byte;
		uart->overrun = true;
	}
	set_timeout(uart);
}

static void write_thr(struct uart *uart, uint8_t byte)
{
	if (is_looped(uart)) {
		receive_looped(uart, byte);
	} else if (uart->tx.count || (uart->chr && !iol_char_write(uart->chr, &byte, 1))) {
		/* When full, the byte is lost, as on a chip whose THRE was not heeded. */
		if (uart->tx.count < fifo_depth(uart))
			fifo_push(&uart->tx, byte);
	}
	restart_thre(uart);
}

static void write_ier(struct uart *uart, uint8_t value)
{
	bool had_thri = uart->ier & UART_IER_THRI;

	uart->ier = value & IER_BITS;
	if (!(uart->ier & UART_IER_THRI))
		uart->thre_pending = false;
	else if (!had_thri)
		uart->thre_pending = !uart->tx.count;
	update_irq(uart);
}

static void write_fcr(struct uart *uart, uint8_t value)
{
	bool toggles = (value ^ uart->fcr) & UART_FCR_ENABLE_FIFO;

	/* Without the enable bit the others are not programmed. */
	if (!(value & UART_FCR_ENABLE_FIFO))
		value = 0;
	uart->fcr = value & FCR_BITS;
	if (toggles || (value & UART_FCR_CLEAR_RCVR))
		clear_rx(uart);
	if (toggles || (value & UART_FCR_CLEAR_XMIT))
		clear_tx(uart);
	set_timeout(uart);
}

/* The modem lines as the MSR shows them: those of the MCR while looped. */
static uint8_t modem_lines(const struct uart *uart)
{
	if (!is_looped(uart))
		return LINES_CONNECTED;
	return (uint8_t)((uart->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
			 (uart->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
			 (uart->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
			 (uart->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0));
}

static void write_mcr(struct uart *uart, uint8_t value)
{
	uint8_t lines, changed;

	uart->mcr = value & MCR_BITS;
	lines = modem_lines(uart);
	changed = lines ^ (uart->msr & (uint8_t)~UART_MSR_ANY_DELTA);
	uart->msr = (uart->msr & UART_MSR_ANY_DELTA) | lines;
	if (changed & UART_MSR_CTS)
		uart->msr |= UART_MSR_DCTS;
	if (changed & UART_MSR_DSR)
		uart->msr |= UART_MSR_DDSR;
	if ((changed & UART_MSR_RI) && !(lines & UART_MSR_RI))
		uart->msr |= UART_MSR_TERI;
	if (changed & UART_MSR_DCD)
		uart->msr |= UART_MSR_DDCD;
	update_irq(uart);
	resume_input(uart);
}

static uint8_t read_rbr(struct uart *uart)
{
	uint8_t byte;

	if (!uart->rx.count)
		return 0;
	byte = fifo_pop(&uart->rx);
	restart_timeout(uart);
	resume_input(uart);
	return byte;
}

static uint8_t read_iir(struct uart *uart)
{
	uint8_t cause = irq_cause(uart);

	if (cause == UART_IIR_THRI)
		uart->thre_pending = false;
	update_irq(uart);
	return cause | (fifos_enabled(uart) ? IIR_FIFO_BITS : 0);
}

static uint8_t read_lsr(struct uart *uart)
{
	uint8_t value;

	if (++uart->polls == POLLS_TO_LISTEN) {
		uart->polled = true;
		resume_input(uart);
	}
	value = (uint8_t)((uart->rx.count ? UART_LSR_DR : 0) | (uart->overrun ? UART_LSR_OE : 0) |
			  (uart->tx.count ? 0 : UART_LSR_THRE | UART_LSR_TEMT));

	uart->overrun = false;
	update_irq(uart);
	return value;
}

static uint8_t read_msr(struct uart *uart)
{
	uint8_t value = uart->msr;

	uart->msr &= (uint8_t)~UART_MSR_ANY_DELTA;
	update_irq(uart);
	return value;
}

static uint8_t read_register(struct uart *uart, unsigned int reg)
{
	bool divisor = uart->lcr & UART_LCR_DLAB;

	if (reg != UART_LSR)
		uart->polls = 0;
	switch (reg) {
	case UART_RX:
		return divisor ? uart->divisor_low : read_rbr(uart);
	case UART_IER:
		return divisor ? uart->divisor_high : uart->ier;
	case UART_IIR:
		return read_iir(uart);
	case UART_LCR:
		return uart->lcr;
	case UART_MCR:
		return uart->mcr;
	case UART_LSR:
		return read_lsr(uart);
	case UART_MSR:
		return read_msr(uart);
	default:
		return uart->scratch;
	}
}

static void write_register(struct uart *uart, unsigned int reg, uint8_t value)
{
	bool divisor = uart->lcr & UART_LCR_DLAB;

	uart->polls = 0;
	switch (reg) {
	case UART_TX:
		if (divisor)
			uart->divisor_low = value;
		else
			write_thr(uart, value);
		break;
	case UART_IER:
		if (divisor)
			uart->divisor_high = value;
		else
			write_ier(uart, value);
		break;
	case UART_FCR:
		write_fcr(uart, value);
		break;
	case UART_LCR:
		uart->lcr = value;
		break;
	case UART_MCR:
		write_mcr(uart, value);
		break;
	case UART_SCR:
		uart->scratch = value;
		break;
	default: /* the status registers are only read */
		break;
	}
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct uart *uart = opaque;
	uint8_t value;

	if (len != 1)
		return UINT64_MAX;
	pthread_mutex_lock(&uart->lock);
	value = read_register(uart, (unsigned int)offset);
	pthread_mutex_unlock(&uart->lock);
	return value;
}

static void uart_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct uart *uart = opaque;

	if (len != 1)
		return;
	pthread_mutex_lock(&uart->lock);
	write_register(uart, (unsigned int)offset, (uint8_t)value);
	pthread_mutex_unlock(&uart->lock);
}

static const struct iol_bus_ops uart_bus_ops = {
	.read = uart_read,
	.write = uart_write,
};

static unsigned int uart_receive(struct iol_char_user *user, const uint8_t *data, unsigned int len)
{
	struct uart *uart = iol_container_of(user, struct uart, user);
	unsigned int taken = 0;

	pthread_mutex_lock(&uart->lock);
	if (wants_input(uart))
		while (taken < len && uart->rx.count < fifo_depth(uart))
			fifo_push(&uart->rx, data[taken++]);
	if (taken)
		set_timeout(uart);
	if (taken < len)
		uart->rx_refused = true;
	pthread_mutex_unlock(&uart->lock);
	return taken;
}

static void uart_writable(struct iol_char_user *user)
{
	struct uart *uart = iol_container_of(user, struct uart, user);
	bool was_waiting;

	pthread_mutex_lock(&uart->lock);
	was_waiting = uart->tx.count;
	while (uart->tx.count && iol_char_write(uart->chr, &uart->tx.data[uart->tx.head], 1))
		fifo_pop(&uart->tx);
	if (was_waiting && !uart->tx.count)
		restart_thre(uart);
	pthread_mutex_unlock(&uart->lock);
}

/* The state after a master reset (data sheet, table I). Under the lock, or before the first use. */
static void reset_registers(struct uart *uart)
{
	uart->ier = 0;
	uart->fcr = 0;
	uart->lcr = 0;
	uart->mcr = 0;
	uart->msr = LINES_CONNECTED;
	uart->scratch = 0;
	uart->divisor_low = DIVISOR_RESET;
	uart->divisor_high = 0;
	uart->tx.count = 0;
	uart->overrun = false;
	uart->thre_pending = false;
	uart->polls = 0;
	uart->polled = false;
	clear_rx(uart);
}

static void uart_reset(struct iol_device *dev)
{
	struct uart *uart = iol_container_of(dev, struct uart, dev);

	pthread_mutex_lock(&uart->lock);
	reset_registers(uart);
	pthread_mutex_unlock(&uart->lock);
}

static void uart_free(struct iol_device *dev)
{
	struct uart *uart = iol_container_of(dev, struct uart, dev);

	iol_bus_remove(uart->bus, uart->base);
	iol_irq_output_finish(&uart->irq);
	pthread_mutex_destroy(&uart->lock);
	g_free(uart);
}

static const struct iol_device_ops uart_ops = {
	.name = "uart",
	.reset = uart_reset,
	.free = uart_free,
};

struct iol_char_user *iol_uart_char_user(struct iol_device *dev)
{
	return &iol_container_of(dev, struct uart, dev)->user;
}

int iol_uart_new(struct iol_bus *bus, uint64_t base, struct iol_irq_output irq,
		 struct iol_char *chr, struct iol_device **dev, struct iol_error *err)
{
	struct uart *uart = g_new0(struct uart, 1);
	struct iol_bus_region region = {
		.base = base,
		.size_bytes = IOL_UART_BYTES,
		.name = uart_ops.name,
		.ops = &uart_bus_ops,
		.dev = uart,
	};
	int ret;

	uart->dev.ops = &uart_ops;
	uart->user.receive = uart_receive;
	uart->user.writable = uart_writable;
	uart->bus = bus;
	uart->base = base;
	uart->irq = irq;
	uart->chr = chr;
	pthread_mutex_init(&uart->lock, NULL);
	reset_registers(uart);

	ret = iol_bus_add(bus, &region, err);
	if (ret) {
		iol_irq_output_finish(&uart->irq);
		pthread_mutex_destroy(&uart->lock);
		g_free(uart);
		return ret;
	}
	*dev = &uart->dev;
	return 0;
}

/* DTSpec-0.4 4.2.2; the clock is the one that a divisor of 1 makes 115200 baud of. */
void iol_uart_describe(struct iol_fdt *fdt, const struct iol_fdt_place *place)
{
	g_autofree char *label = g_strdup_printf("serial%u", place->nth);

	iol_fdt_begin(fdt, "serial@%s", place->unit);
	iol_fdt_strings(fdt, "compatible", "ns16550a", "ns16550", NULL);
	iol_fdt_string(fdt, "device_type", "serial");
	iol_fdt_place(fdt, place);
	iol_fdt_u32(fdt, "clock-frequency", 1843200);
	iol_fdt_u32(fdt, "current-speed", 115200);
	iol_fdt_label(fdt, label);
	iol_fdt_end(fdt);
}
