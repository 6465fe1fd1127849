/* SPDX-License-Identifier: Apache-2.0 */
/* A UART between a bus and a pipe, with its interrupt as edges or as a level: what its tests start from. */
#ifndef IOLITE_TESTS_UART_RIG_H
#define IOLITE_TESTS_UART_RIG_H

#include <iolite/uart.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/serial_reg.h>
#include <unistd.h>

enum { BASE = 0x3f8 };

/* Time stands still: no reader is called dead because the test is slow. */
uint64_t __wrap_iol_loop_now_ns(void);
uint64_t __wrap_iol_loop_now_ns(void)
{
	return 1;
}

struct fixture {
	struct iol_loop loop;
	struct iol_bus bus;
	struct iol_char *chr;
	struct iol_device *dev;
	struct iol_char_user *user;
	int irq_fd; /* edges */
	struct iol_irq_wire wire; /* a level */
	int out_fd; /* what the guest wrote */
	int in_fd; /* what the guest is to read */
};

static inline struct iol_irq_output make_output(struct fixture *f, bool level)
{
	struct iol_irq_line line;

	if (level)
		return iol_irq_output_level(&f->wire);
	g_assert_cmpint(iol_irq_line_init(&line, -1, 0, NULL), ==, 0);
	f->irq_fd = line.eventfd;
	return iol_irq_output_edge(line);
}

/* @data: not NULL: with a level. */
static inline void setup(struct fixture *f, const void *data)
{
	int in[2], out[2];

	iol_irq_wire_init(&f->wire, -1, 42, 42);
	g_assert_cmpint(iol_loop_init(&f->loop, NULL), ==, 0);
	iol_bus_init(&f->bus);
	g_assert_cmpint(pipe2(in, O_NONBLOCK | O_CLOEXEC), ==, 0);
	g_assert_cmpint(pipe2(out, O_NONBLOCK | O_CLOEXEC), ==, 0);
	g_assert_cmpint(iol_char_null_new(&f->loop, &f->chr, NULL), ==, 0);
	f->chr->in_fd = in[0];
	f->in_fd = in[1];
	f->chr->out_fd = out[1];
	f->out_fd = out[0];
	g_assert_cmpint(iol_uart_new(&f->bus, BASE, make_output(f, data), f->chr, &f->dev, NULL),
			==, 0);
	f->user = iol_uart_char_user(f->dev);
	iol_char_start(f->chr, f->user);
}

static inline void teardown(struct fixture *f, const void *data)
{
	(void)data;
	iol_char_stop(f->chr, 0);
	f->dev->ops->free(f->dev);
	g_assert_cmpuint(f->bus.count, ==, 0);
	g_assert_cmpuint(f->wire.asserted, ==, 0);
	iol_irq_wire_finish(&f->wire);
	iol_char_free(f->chr);
	iol_bus_finish(&f->bus);
	iol_loop_finish(&f->loop);
	close(f->in_fd);
	close(f->out_fd);
}

static inline uint8_t in8(struct fixture *f, unsigned int reg)
{
	uint64_t value;

	g_assert_true(iol_bus_read(&f->bus, BASE + reg, 1, &value));
	g_assert_cmphex(value, <=, 0xff);
	return (uint8_t)value;
}

static inline void out8(struct fixture *f, unsigned int reg, unsigned int value)
{
	g_assert_true(iol_bus_write(&f->bus, BASE + reg, 1, value));
}

/* Edges since the last call. */
static inline unsigned int edges(struct fixture *f)
{
	uint64_t count;

	return read(f->irq_fd, &count, sizeof(count)) == sizeof(count) ? (unsigned int)count : 0;
}

/* Input for a guest that listens. */
static inline unsigned int receive(struct fixture *f, const char *text)
{
	unsigned int mcr = in8(f, UART_MCR);

	if (!(mcr & UART_MCR_LOOP))
		out8(f, UART_MCR, mcr | UART_MCR_DTR);
	return f->user->receive(f->user, (const uint8_t *)text, (unsigned int)strlen(text));
}

static inline void run_loop(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		g_assert_cmpint(iol_loop_turn(&f->loop, false), >=, 0);
}

static inline char *output(struct fixture *f)
{
	char text[256];
	ssize_t len;

	run_loop(f);
	len = read(f->out_fd, text, sizeof(text));
	return g_strndup(text, len > 0 ? (size_t)len : 0);
}

static inline void assert_output(struct fixture *f, const char *expected)
{
	g_autofree char *text = output(f);

	g_assert_cmpstr(text, ==, expected);
}

#endif
