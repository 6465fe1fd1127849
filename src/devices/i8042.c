// SPDX-License-Identifier: Apache-2.0
/*
 * The reset line of the IBM AT's keyboard controller (Intel 8042; IBM AT Technical Reference,
 * "Keyboard Controller"): commands 0xf0 to 0xff pulse output port bits whose command bit is 0, and
 * bit 0 of that port resets the processor. Linux's reboot=k writes 0xfe. There is no keyboard: the
 * controller is always idle and has nothing to say.
 *
 * Beside it lies the AT's system control port B, which Linux reads at an NMI: all ones there would
 * mean a fatal bus error. Its refresh bit toggles at each read; the timer gate and speaker bits
 * are stored.
 *
 * Runs on vCPU threads. A hostile guest can reset its machine.
 */
#include <iolite/i8042.h>

#include <glib.h>
#include <stdatomic.h>

enum {
	STATUS_IDLE = 0x14, /* self-test passed, keyboard not locked, both buffers empty */
	DATA_NONE = 0xff,
	COMMAND_PULSE_MASK = 0xf0,
	COMMAND_PULSE = 0xf0,
	COMMAND_PULSE_NO_RESET = 0x01,
	PORT_B_STORED = 0x03,
	PORT_B_REFRESH = 0x10,
	PORT_B_TIMER_OUT = 0x20,
};

struct i8042 {
	struct iol_device dev;
	struct iol_bus *bus;
	uint64_t base;
	struct iol_event_sink *sink;
	_Atomic uint8_t port_b; /* stored bits, and the refresh bit as it was last read */
};

static uint64_t i8042_data_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	(void)offset;
	(void)len;
	return DATA_NONE;
}

static void i8042_data_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	(void)opaque;
	(void)offset;
	(void)len;
	(void)value;
}

static uint64_t i8042_port_b_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct i8042 *i8042 = opaque;
	uint8_t old = atomic_fetch_xor(&i8042->port_b, PORT_B_REFRESH);

	(void)offset;
	(void)len;
	return (old ^ PORT_B_REFRESH) | PORT_B_TIMER_OUT;
}

static void i8042_port_b_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct i8042 *i8042 = opaque;

	(void)offset;
	(void)len;
	/* The refresh bit starts over, which nobody can tell. */
	atomic_store(&i8042->port_b, (uint8_t)(value & PORT_B_STORED));
}

static uint64_t i8042_status_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	(void)offset;
	(void)len;
	return STATUS_IDLE;
}

static void i8042_command_write(void *opaque, uint64_t offset, unsigned int len, uint64_t value)
{
	struct i8042 *i8042 = opaque;

	(void)offset;
	(void)len;
	if ((value & COMMAND_PULSE_MASK) == COMMAND_PULSE && !(value & COMMAND_PULSE_NO_RESET))
		i8042->sink->raise(i8042->sink, IOL_EVENT_RESET);
}

static const struct iol_bus_ops data_ops = {
	.read = i8042_data_read,
	.write = i8042_data_write,
};

static const struct iol_bus_ops port_b_ops = {
	.read = i8042_port_b_read,
	.write = i8042_port_b_write,
};

static const struct iol_bus_ops status_ops = {
	.read = i8042_status_read,
	.write = i8042_command_write,
};

/* One byte each, so that the bus lets no wider access through. */
static const struct {
	uint64_t offset;
	const char *name;
	const struct iol_bus_ops *ops;
} registers[] = {
	{ IOL_I8042_DATA, "i8042 data", &data_ops },
	{ IOL_I8042_PORT_B, "system control port B", &port_b_ops },
	{ IOL_I8042_STATUS, "i8042 status", &status_ops },
};

static void remove_registers(struct i8042 *i8042, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		iol_bus_remove(i8042->bus, i8042->base + registers[i].offset);
}

static int add_registers(struct i8042 *i8042, struct iol_error *err)
{
	for (unsigned int i = 0; i < IOL_ARRAY_LEN(registers); i++) {
		struct iol_bus_region region = {
			.base = i8042->base + registers[i].offset,
			.size_bytes = 1,
			.name = registers[i].name,
			.ops = registers[i].ops,
			.dev = i8042,
		};
		int ret = iol_bus_add(i8042->bus, &region, err);

		if (ret) {
			remove_registers(i8042, i);
			return ret;
		}
	}
	return 0;
}

static void i8042_reset(struct iol_device *dev)
{
	struct i8042 *i8042 = iol_container_of(dev, struct i8042, dev);

	atomic_store(&i8042->port_b, 0);
}

static void i8042_free(struct iol_device *dev)
{
	struct i8042 *i8042 = iol_container_of(dev, struct i8042, dev);

	remove_registers(i8042, IOL_ARRAY_LEN(registers));
	g_free(i8042);
}

static const struct iol_device_ops i8042_ops = {
	.name = "i8042",
	.reset = i8042_reset,
	.free = i8042_free,
};

int iol_i8042_new(struct iol_bus *bus, uint64_t base, struct iol_event_sink *sink,
		  struct iol_device **dev, struct iol_error *err)
{
	struct i8042 *i8042 = g_new0(struct i8042, 1);
	int ret;

	i8042->dev.ops = &i8042_ops;
	i8042->bus = bus;
	i8042->base = base;
	i8042->sink = sink;
	ret = add_registers(i8042, err);
	if (ret) {
		g_free(i8042);
		return ret;
	}
	*dev = &i8042->dev;
	return 0;
}
