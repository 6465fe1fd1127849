// SPDX-License-Identifier: Apache-2.0
/*
 * A power button on a GPIO line (Linux bindings, input/gpio-keys.yaml). See include/iolite/power_key.h.
 *
 * Drivers wait until a key has stopped bouncing, some milliseconds, and then look at the line: it must be high for
 * longer than that. The line is driven on the loop's thread. A guest reaches nothing here.
 */
#include <iolite/power_key.h>

#include <glib.h>

#include <iolite/fdt.h>

enum { KEY_POWER = 116 /* linux/input-event-codes.h */ };

struct iol_power_key {
	struct iol_device dev;
	struct iol_loop *loop;
	struct iol_gpio_input input;
	struct iol_post press;
	struct iol_op release; /* in flight while the key is pressed */
	bool quiet; /* until the next reset */
	struct iol_quiesce *quiesce; /* who waits for the release; NULL: nobody */
};

static void pressed(struct iol_post *post)
{
	struct iol_power_key *key = iol_container_of(post, struct iol_power_key, press);

	if (key->quiet || key->release.in_flight)
		return;
	key->input.set(&key->input, true);
	iol_loop_timeout(key->loop, &key->release, IOL_POWER_KEY_HOLD_NS);
}

static void released(struct iol_op *op, int res)
{
	struct iol_power_key *key = iol_container_of(op, struct iol_power_key, release);
	struct iol_quiesce *quiesce = key->quiesce;

	(void)res; /* in time or cancelled */
	key->input.set(&key->input, false);
	key->quiesce = NULL;
	if (quiesce)
		iol_quiesce_done(quiesce);
}

static bool power_key_quiesce(struct iol_device *dev, struct iol_quiesce *quiesce)
{
	struct iol_power_key *key = iol_container_of(dev, struct iol_power_key, dev);

	key->quiet = true;
	if (!key->release.in_flight)
		return true;
	key->quiesce = quiesce;
	iol_loop_cancel(key->loop, &key->release);
	return false;
}

static void power_key_reset(struct iol_device *dev)
{
	struct iol_power_key *key = iol_container_of(dev, struct iol_power_key, dev);

	key->quiet = false;
}

static void power_key_free(struct iol_device *dev)
{
	struct iol_power_key *key = iol_container_of(dev, struct iol_power_key, dev);

	iol_loop_post_cancel(key->loop, &key->press);
	g_free(key);
}

static const struct iol_device_ops power_key_ops = {
	.name = "power-key",
	.quiesce = power_key_quiesce,
	.reset = power_key_reset,
	.free = power_key_free,
};

struct iol_power_key *iol_power_key_new(struct iol_loop *loop, struct iol_gpio_input input)
{
	struct iol_power_key *key = g_new0(struct iol_power_key, 1);

	key->dev.ops = &power_key_ops;
	key->loop = loop;
	key->input = input;
	key->press.run = pressed;
	key->release.done = released;
	return key;
}

struct iol_device *iol_power_key_device(struct iol_power_key *key)
{
	return &key->dev;
}

void iol_power_key_press(struct iol_power_key *key)
{
	iol_loop_post(key->loop, &key->press);
}

void iol_power_key_describe(struct iol_fdt *fdt, const char *gpio)
{
	iol_fdt_begin(fdt, "gpio-keys");
	iol_fdt_string(fdt, "compatible", "gpio-keys");
	iol_fdt_begin(fdt, "power");
	iol_fdt_string(fdt, "label", "Power Button");
	iol_fdt_u32(fdt, "linux,code", KEY_POWER);
	IOL_FDT_U32S(fdt, "gpios", iol_fdt_phandle(fdt, gpio), IOL_POWER_KEY_LINE, 0);
	iol_fdt_end(fdt);
	iol_fdt_end(fdt);
}
