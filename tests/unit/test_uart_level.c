// SPDX-License-Identifier: Apache-2.0
/* The 16550A's interrupt as a level of a wire, as machines with such interrupt controllers take it. */
#include "uart_rig.h"

/* The wire is high exactly while the IIR has something to say. */
static void expect_level(struct fixture *f, unsigned int iir)
{
	g_assert_cmpuint(f->wire.asserted, ==, iir != UART_IIR_NO_INT);
	g_assert_cmphex(in8(f, UART_IIR) & ~0xc0u, ==, iir);
	/* Reading it ends the THRE cause and no other. */
	g_assert_cmpuint(f->wire.asserted, ==, iir != UART_IIR_NO_INT && iir != UART_IIR_THRI);
}

static void test_level(struct fixture *f, const void *data)
{
	(void)data;
	expect_level(f, UART_IIR_NO_INT);
	/* THRE, without OUT2: there is no gate. */
	out8(f, UART_IER, UART_IER_THRI);
	expect_level(f, UART_IIR_THRI);
	expect_level(f, UART_IIR_NO_INT);
	out8(f, UART_TX, 'x');
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	out8(f, UART_IER, 0);
	expect_level(f, UART_IIR_NO_INT);
	/* Input; with the cause not enabled it is nothing. */
	g_assert_cmpuint(receive(f, "ab"), ==, 1);
	expect_level(f, UART_IIR_NO_INT);
	out8(f, UART_IER, UART_IER_RDI);
	expect_level(f, UART_IIR_RDI);
	expect_level(f, UART_IIR_RDI);
	g_assert_cmphex(in8(f, UART_RX), ==, 'a');
	expect_level(f, UART_IIR_NO_INT);
}

static void test_level_fifo(struct fixture *f, const void *data)
{
	(void)data;
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_4);
	out8(f, UART_IER, UART_IER_RDI);
	g_assert_cmpuint(receive(f, "abcde"), ==, 5);
	for (int left = 5; left; left--) {
		expect_level(f, left >= 4 ? UART_IIR_RDI : UART_IIR_RX_TIMEOUT);
		in8(f, UART_RX);
	}
	expect_level(f, UART_IIR_NO_INT);
	g_assert_cmpuint(receive(f, "abcde"), ==, 5);
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	expect_level(f, UART_IIR_NO_INT);
}

/* An overrun and modem lines, both made by the loop; several causes at once, served one by one. */
static void test_level_causes(struct fixture *f, const void *data)
{
	(void)data;
	out8(f, UART_MCR, UART_MCR_LOOP);
	in8(f, UART_MSR);
	out8(f, UART_TX, 'a');
	out8(f, UART_TX, 'b');
	out8(f, UART_MCR, UART_MCR_LOOP | UART_MCR_RTS);
	expect_level(f, UART_IIR_NO_INT);
	out8(f, UART_IER, UART_IER_RLSI | UART_IER_RDI | UART_IER_THRI | UART_IER_MSI);
	expect_level(f, UART_IIR_RLSI);
	in8(f, UART_LSR);
	expect_level(f, UART_IIR_RDI);
	g_assert_cmphex(in8(f, UART_RX), ==, 'b');
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	/* The THRE cause ends with this; modem lines are still one. */
	g_assert_cmphex(in8(f, UART_IIR) & ~0xc0u, ==, UART_IIR_THRI);
	expect_level(f, UART_IIR_MSI);
	in8(f, UART_MSR);
	expect_level(f, UART_IIR_NO_INT);
	out8(f, UART_TX, 'c');
	g_assert_cmpuint(f->wire.asserted, ==, 1);
	f->dev->ops->reset(f->dev);
	expect_level(f, UART_IIR_NO_INT);
	/* Left high for teardown, which must take it back. */
	out8(f, UART_IER, UART_IER_THRI);
	g_assert_cmpuint(f->wire.asserted, ==, 1);
}

#define ADD(name, fn) g_test_add("/uart/level/" name, struct fixture, "level", setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("causes", test_level);
	ADD("fifo", test_level_fifo);
	ADD("several", test_level_causes);
	return g_test_run();
}
