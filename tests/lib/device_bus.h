/* SPDX-License-Identifier: Apache-2.0 */
/* One simple device on a bus of its own, and the events that it raises, counted. */
#ifndef TESTS_DEVICE_BUS_H
#define TESTS_DEVICE_BUS_H

#include <glib.h>

#include <iolite/bus.h>
#include <iolite/device.h>
#include <iolite/event.h>

struct device_bus {
	struct iol_event_sink sink;
	unsigned int events[IOL_EVENT_COUNT];
	struct iol_bus bus;
	struct iol_device *dev; /* the test's to set */
};

static inline void device_bus_count(struct iol_event_sink *sink, enum iol_event event)
{
	struct device_bus *b = iol_container_of(sink, struct device_bus, sink);

	b->events[event]++;
}

static inline void device_bus_init(struct device_bus *b)
{
	b->sink.raise = device_bus_count;
	iol_bus_init(&b->bus);
}

/* Frees the device, which leaves nothing on the bus. It may have raised @allowed (a bit each) and nothing else. */
static inline void device_bus_finish(struct device_bus *b, unsigned int allowed)
{
	for (unsigned int i = 0; i < IOL_EVENT_COUNT; i++)
		g_assert_cmpuint(allowed & 1u << i ? 0 : b->events[i], ==, 0);
	b->dev->ops->free(b->dev);
	g_assert_cmpuint(b->bus.count, ==, 0);
	iol_bus_finish(&b->bus);
}

#endif
