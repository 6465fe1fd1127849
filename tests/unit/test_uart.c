// SPDX-License-Identifier: Apache-2.0
/*
 * The 16550A register by register, its interrupt as edges, and its two ends: a pipe behind the real character
 * backend, and Linux's own probes as sequences of accesses. Its interrupt as a level is test_uart_level.c's.
 */
#include "uart_rig.h"

static void test_reset_values(struct fixture *f, const void *data)
{
	(void)data;
	for (int round = 0; round < 2; round++) {
		g_assert_cmphex(in8(f, UART_RX), ==, 0);
		g_assert_cmphex(in8(f, UART_IER), ==, 0);
		g_assert_cmphex(in8(f, UART_IIR), ==, 0x01);
		g_assert_cmphex(in8(f, UART_LCR), ==, 0);
		g_assert_cmphex(in8(f, UART_MCR), ==, 0);
		g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
		g_assert_cmphex(in8(f, UART_MSR), ==, 0xb0);
		g_assert_cmphex(in8(f, UART_SCR), ==, 0);
		out8(f, UART_LCR, UART_LCR_DLAB);
		g_assert_cmphex(in8(f, UART_DLL), ==, 12);
		g_assert_cmphex(in8(f, UART_DLM), ==, 0);
		out8(f, UART_DLL, 1);
		out8(f, UART_LCR, 0x03);
		out8(f, UART_IER, 0x0f);
		out8(f, UART_FCR, 0xc1);
		out8(f, UART_MCR, 0x1f);
		out8(f, UART_TX, 'x');
		out8(f, UART_SCR, 0x5a);
		f->dev->ops->reset(f->dev);
	}
	edges(f);
	assert_output(f, "");
}

static void test_register_bits(struct fixture *f, const void *data)
{
	(void)data;
	out8(f, UART_IER, 0xff);
	g_assert_cmphex(in8(f, UART_IER), ==, 0x0f);
	out8(f, UART_MCR, 0xff);
	g_assert_cmphex(in8(f, UART_MCR), ==, 0x1f);
	out8(f, UART_LCR, 0xff);
	g_assert_cmphex(in8(f, UART_LCR), ==, 0xff);
	out8(f, UART_DLL, 0xab);
	out8(f, UART_DLM, 0xcd);
	g_assert_cmphex(in8(f, UART_DLL), ==, 0xab);
	g_assert_cmphex(in8(f, UART_DLM), ==, 0xcd);
	out8(f, UART_LCR, 0x7f);
	g_assert_cmphex(in8(f, UART_IER), ==, 0x0f);
	out8(f, UART_SCR, 0xa5);
	g_assert_cmphex(in8(f, UART_SCR), ==, 0xa5);
	/* Status registers do not take writes. */
	out8(f, UART_MCR, 0);
	in8(f, UART_MSR);
	out8(f, UART_LSR, 0x1f);
	out8(f, UART_MSR, 0xff);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
	g_assert_cmphex(in8(f, UART_MSR), ==, 0xb0);
}

static void test_widths(struct fixture *f, const void *data)
{
	static const unsigned int widths[] = { 2, 4, 8 };
	uint64_t value;

	(void)data;
	for (unsigned int i = 0; i < G_N_ELEMENTS(widths); i++) {
		value = 0;
		g_assert_true(iol_bus_read(&f->bus, BASE, widths[i], &value));
		g_assert_cmphex(value, ==, UINT64_MAX);
		g_assert_true(iol_bus_write(&f->bus, BASE, widths[i], 0x4141414141414141));
	}
	g_assert_false(iol_bus_read(&f->bus, BASE + 7, 2, &value));
	g_assert_cmphex(in8(f, UART_SCR), ==, 0);
	assert_output(f, "");
}

static void test_output(struct fixture *f, const void *data)
{
	(void)data;
	for (const char *c = "hello\n"; *c; c++) {
		g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
		out8(f, UART_TX, (uint8_t)*c);
	}
	assert_output(f, "hello\n");
	g_assert_cmpuint(edges(f), ==, 0);
}

/* Interrupts with OUT2 and the FIFOs as Linux has them. */
static void enable(struct fixture *f, unsigned int ier)
{
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
	out8(f, UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	out8(f, UART_IER, ier);
}

static void test_thre_interrupt(struct fixture *f, const void *data)
{
	(void)data;
	enable(f, UART_IER_THRI);
	g_assert_cmpuint(edges(f), ==, 1);
	/* Reading the IIR takes the cause away. */
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc2);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc1);
	/* A byte brings it back, with an edge even though nobody read the IIR in between. */
	out8(f, UART_TX, 'a');
	g_assert_cmpuint(edges(f), ==, 1);
	out8(f, UART_TX, 'b');
	g_assert_cmpuint(edges(f), ==, 1);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc2);
	/* Writing the same enable bits is no new cause; turning it off and on is. */
	out8(f, UART_IER, UART_IER_THRI);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc1);
	out8(f, UART_IER, 0);
	out8(f, UART_IER, UART_IER_THRI);
	g_assert_cmpuint(edges(f), ==, 1);
	out8(f, UART_IER, 0);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc1);
}

static void test_out2_gate(struct fixture *f, const void *data)
{
	(void)data;
	out8(f, UART_IER, UART_IER_THRI);
	g_assert_cmpuint(edges(f), ==, 0);
	out8(f, UART_MCR, UART_MCR_OUT2);
	g_assert_cmpuint(edges(f), ==, 1);
	/* The loop holds OUT2 inactive; its end lets the cause out again. */
	out8(f, UART_MCR, UART_MCR_OUT2 | UART_MCR_LOOP);
	g_assert_cmpuint(edges(f), ==, 0);
	out8(f, UART_MCR, UART_MCR_OUT2);
	g_assert_cmpuint(edges(f), ==, 1);
}

static void test_input_fifo(struct fixture *f, const void *data)
{
	(void)data;
	enable(f, UART_IER_RDI);
	g_assert_cmpuint(edges(f), ==, 0);
	/* Below the trigger level of 8: time-out. From there on: data available. */
	g_assert_cmpuint(receive(f, "1234567"), ==, 7);
	g_assert_cmpuint(edges(f), ==, 1);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xcc);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x61);
	g_assert_cmpuint(receive(f, "89"), ==, 2);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc4);
	g_assert_cmpuint(edges(f), ==, 0);
	/* One byte less leaves the level reached; the next leaves a time-out, whose edge is new. */
	g_assert_cmphex(in8(f, UART_RX), ==, '1');
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc4);
	g_assert_cmpuint(edges(f), ==, 0);
	g_assert_cmphex(in8(f, UART_RX), ==, '2');
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xcc);
	g_assert_cmpuint(edges(f), ==, 1);
	for (unsigned int c = '3'; c <= '9'; c++)
		g_assert_cmphex(in8(f, UART_RX), ==, c);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc1);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
	g_assert_cmphex(in8(f, UART_RX), ==, 0);
	edges(f);
	g_assert_cmpuint(receive(f, "x"), ==, 1);
	g_assert_cmpuint(edges(f), ==, 1);
}

static void test_trigger_levels(struct fixture *f, const void *data)
{
	static const unsigned int levels[] = { 1, 4, 8, 14 };

	(void)data;
	for (unsigned int i = 0; i < G_N_ELEMENTS(levels); i++) {
		enable(f, UART_IER_RDI);
		out8(f, UART_FCR, i << 6 | UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
		for (unsigned int n = 1; n <= 16; n++) {
			g_assert_cmpuint(receive(f, "x"), ==, 1);
			g_assert_cmphex(in8(f, UART_IIR), ==, n < levels[i] ? 0xcc : 0xc4);
		}
		g_assert_cmpuint(receive(f, "x"), ==, 0);
	}
}

static void test_input_single(struct fixture *f, const void *data)
{
	(void)data;
	out8(f, UART_MCR, UART_MCR_OUT2);
	out8(f, UART_IER, UART_IER_RDI);
	g_assert_cmpuint(receive(f, "ab"), ==, 1);
	g_assert_cmpuint(edges(f), ==, 1);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0x04);
	g_assert_cmphex(in8(f, UART_RX), ==, 'a');
	g_assert_cmphex(in8(f, UART_IIR), ==, 0x01);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
}

/* More input than the FIFO holds arrives in full, through the backend, as the guest takes it. */
static void test_input_backpressure(struct fixture *f, const void *data)
{
	uint8_t text[100];

	(void)data;
	for (unsigned int i = 0; i < 100; i++)
		text[i] = (uint8_t)('!' + i % 90);
	enable(f, UART_IER_RDI);
	g_assert_cmpint(write(f->in_fd, text, 100), ==, 100);
	for (unsigned int i = 0; i < 100; i++) {
		if (!(in8(f, UART_LSR) & UART_LSR_DR))
			run_loop(f);
		g_assert_cmphex(in8(f, UART_LSR), ==, 0x61);
		g_assert_cmphex(in8(f, UART_RX), ==, text[i]);
	}
	run_loop(f);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
}

/* Clearing the FIFO and a reset make room too. */
static void test_input_resumes(struct fixture *f, const void *data)
{
	(void)data;
	enable(f, UART_IER_RDI);
	g_assert_cmpint(write(f->in_fd, "0123456789abcdefABCDEFGHIJKLMNOPxyz", 35), ==, 35);
	run_loop(f);
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
	run_loop(f);
	g_assert_cmphex(in8(f, UART_RX), ==, 'A');
	f->dev->ops->reset(f->dev);
	run_loop(f);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60); /* nobody listens */
	enable(f, UART_IER_RDI);
	run_loop(f);
	g_assert_cmphex(in8(f, UART_RX), ==, 'x');
}

/* The loop disconnects the line: input waits, output stays inside. */
static void test_loop_disconnects(struct fixture *f, const void *data)
{
	(void)data;
	enable(f, 0);
	out8(f, UART_MCR, UART_MCR_LOOP);
	g_assert_cmpint(write(f->in_fd, "i", 1), ==, 1);
	run_loop(f);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
	out8(f, UART_TX, 'o');
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x61);
	g_assert_cmphex(in8(f, UART_RX), ==, 'o');
	out8(f, UART_MCR, UART_MCR_DTR);
	assert_output(f, "");
	g_assert_cmphex(in8(f, UART_RX), ==, 'i');
}

static void test_causes_in_order(struct fixture *f, const void *data)
{
	(void)data;
	enable(f, UART_IER_MSI);
	/* Modem status: RTS off and on in the loop. */
	out8(f, UART_MCR, UART_MCR_LOOP);
	in8(f, UART_MSR);
	/* Overrun: 17 bytes for 16 places. */
	for (unsigned int i = 0; i < 17; i++)
		out8(f, UART_TX, i);
	out8(f, UART_MCR, UART_MCR_OUT2);
	g_assert_cmpuint(edges(f), ==, 1);
	out8(f, UART_IER, 0x0f);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc6);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x63);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc4);
	for (unsigned int i = 0; i < 9; i++)
		g_assert_cmphex(in8(f, UART_RX), ==, i);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xcc);
	for (unsigned int i = 9; i < 16; i++)
		g_assert_cmphex(in8(f, UART_RX), ==, i);
	/* The higher causes did not take the THRE cause away. */
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc2);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc0);
	g_assert_cmphex(in8(f, UART_MSR), ==, 0xbb);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc1);
	/* All along the output stayed high. */
	g_assert_cmpuint(edges(f), ==, 0);
}

/* Data and THRE pending together: whichever is served last, the next of either kind is an edge. */
static void test_no_lost_edges(struct fixture *f, const void *data)
{
	(void)data;
	enable(f, UART_IER_RDI | UART_IER_THRI);
	g_assert_cmpuint(edges(f), ==, 1);
	receive(f, "r");
	g_assert_cmpuint(edges(f), ==, 0);
	/* A handler that looks at the IIR once: data; it reads it and sends a byte. */
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xcc);
	g_assert_cmphex(in8(f, UART_RX), ==, 'r');
	out8(f, UART_TX, 't');
	g_assert_cmpuint(edges(f), ==, 1);
	/* One that takes one byte per interrupt. */
	in8(f, UART_IIR);
	receive(f, "12");
	g_assert_cmpuint(edges(f), ==, 1);
	in8(f, UART_RX);
	g_assert_cmpuint(edges(f), ==, 1);
	in8(f, UART_RX);
	g_assert_cmpuint(edges(f), ==, 0);
	/* Masked and unmasked with data there. */
	receive(f, "3");
	g_assert_cmpuint(edges(f), ==, 1);
	out8(f, UART_IER, 0);
	out8(f, UART_IER, UART_IER_RDI);
	g_assert_cmpuint(edges(f), ==, 1);
}

static void test_overrun_single(struct fixture *f, const void *data)
{
	(void)data;
	out8(f, UART_MCR, UART_MCR_LOOP);
	out8(f, UART_TX, 'a');
	out8(f, UART_TX, 'b');
	/* The holding register keeps the newer byte. */
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x63);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x61);
	g_assert_cmphex(in8(f, UART_RX), ==, 'b');
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
}

static void test_modem_loop(struct fixture *f, const void *data)
{
	(void)data;
	out8(f, UART_MCR, 0x1f);
	/* Against DCD, DSR and CTS of before, only RI came: no trailing edge. */
	g_assert_cmphex(in8(f, UART_MSR), ==, 0xf0);
	out8(f, UART_MCR, 0x10);
	g_assert_cmphex(in8(f, UART_MSR), ==, 0x0f);
	g_assert_cmphex(in8(f, UART_MSR), ==, 0x00);
	out8(f, UART_MCR, 0x11);
	g_assert_cmphex(in8(f, UART_MSR), ==, 0x22);
	out8(f, UART_MCR, 0x12);
	g_assert_cmphex(in8(f, UART_MSR), ==, 0x13);
	out8(f, UART_MCR, 0x14);
	g_assert_cmphex(in8(f, UART_MSR), ==, 0x41);
	out8(f, UART_MCR, 0x18);
	g_assert_cmphex(in8(f, UART_MSR), ==, 0x8c);
	out8(f, UART_MCR, 0x00);
	g_assert_cmphex(in8(f, UART_MSR), ==, 0xb3);
}

/* A guest faster than its reader: THRE says so, nothing is lost, and THRE comes back with an edge. */
static void test_output_backpressure(struct fixture *f, const void *data)
{
	unsigned int sent = 0, received = 0;
	uint8_t buf[4096];
	ssize_t len;

	(void)data;
	enable(f, UART_IER_THRI);
	/* The loop does not run: the ring fills up. */
	while (in8(f, UART_LSR) & UART_LSR_THRE) {
		out8(f, UART_TX, sent++ % 251);
		g_assert_cmpuint(sent, <=, IOL_CHAR_RING_BYTES + 1);
	}
	g_assert_cmpuint(sent, ==, IOL_CHAR_RING_BYTES + 1);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x00);
	/* The transmit FIFO takes 15 more; what comes on top is the guest's loss. */
	for (unsigned int i = 0; i < 15; i++)
		out8(f, UART_TX, sent++ % 251);
	out8(f, UART_TX, 0xff);
	in8(f, UART_IIR);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc1);
	edges(f);

	while (received < sent) {
		run_loop(f);
		len = read(f->out_fd, buf, sizeof(buf));
		g_assert_cmpint(len, >, 0);
		for (ssize_t i = 0; i < len; i++)
			g_assert_cmphex(buf[i], ==, received++ % 251);
	}
	g_assert_cmpint(read(f->out_fd, buf, 1), ==, -1);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
	g_assert_cmpuint(edges(f), ==, 1);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc2);
}

/* Clearing the transmit FIFO gives up what waits in it; the backend's call then finds nothing. */
static void test_clear_waiting_output(struct fixture *f, const void *data)
{
	unsigned int drained = 0;
	uint8_t buf[4096];
	ssize_t len;

	(void)data;
	enable(f, UART_IER_THRI);
	for (unsigned int i = 0; i < IOL_CHAR_RING_BYTES + 4; i++)
		out8(f, UART_TX, 'x');
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x00);
	edges(f);
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
	g_assert_cmpuint(edges(f), ==, 1);
	do {
		run_loop(f);
		len = read(f->out_fd, buf, sizeof(buf));
		drained += len > 0 ? (unsigned int)len : 0;
	} while (len > 0);
	g_assert_cmpuint(drained, ==, IOL_CHAR_RING_BYTES);
	g_assert_cmpuint(edges(f), ==, 0);
}

/* What drivers/tty/serial/8250/8250_port.c does to find out what it has. */
static void test_linux_autoconfig(struct fixture *f, const void *data)
{
	unsigned int count;

	(void)data;
	/* Is there a UART: IER's low nibble. */
	out8(f, UART_IER, 0);
	g_assert_cmphex(in8(f, UART_IER) & 0x0f, ==, 0);
	out8(f, UART_IER, 0x0f);
	g_assert_cmphex(in8(f, UART_IER) & 0x0f, ==, 0x0f);
	out8(f, UART_IER, 0);
	/* The loopback test. */
	out8(f, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	g_assert_cmphex(in8(f, UART_MSR) & 0xf0, ==, 0x90);
	out8(f, UART_MCR, 0);
	/* The type: 16550A, and none of its successors. */
	out8(f, UART_LCR, UART_LCR_CONF_MODE_B);
	out8(f, UART_EFR, 0);
	out8(f, UART_LCR, 0);
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO);
	g_assert_cmphex(in8(f, UART_IIR) >> 6, ==, 3);
	out8(f, UART_LCR, UART_LCR_CONF_MODE_A);
	g_assert_cmphex(in8(f, UART_EFR), !=, 0);
	out8(f, UART_LCR, UART_LCR_CONF_MODE_B);
	g_assert_cmphex(in8(f, UART_EFR), !=, 0);
	out8(f, UART_LCR, 0);
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE);
	g_assert_cmphex(in8(f, UART_IIR) & 0xe0, ==, 0xc0);
	out8(f, UART_LCR, UART_LCR_CONF_MODE_A);
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE);
	g_assert_cmphex(in8(f, UART_IIR) & 0xe0, ==, 0xc0);
	out8(f, UART_LCR, 0);
	out8(f, UART_IER, UART_IER_UUE);
	g_assert_cmphex(in8(f, UART_IER), ==, 0);
	/* Its FIFO's size. */
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
	out8(f, UART_MCR, UART_MCR_LOOP);
	for (count = 0; count < 256; count++)
		out8(f, UART_TX, count);
	for (count = 0; (in8(f, UART_LSR) & UART_LSR_DR) && count < 256; count++)
		g_assert_cmphex(in8(f, UART_RX), ==, count);
	g_assert_cmpuint(count, ==, 16);
	assert_output(f, "");
}

/* serial8250_do_startup(): the tests for UART_BUG_THRE and UART_BUG_TXEN. */
static void test_linux_startup(struct fixture *f, const void *data)
{
	uint8_t first, second, lsr;

	(void)data;
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO);
	g_assert_cmphex(in8(f, UART_LSR) & UART_LSR_THRE, ==, UART_LSR_THRE);
	out8(f, UART_IER, UART_IER_THRI);
	first = in8(f, UART_IIR);
	out8(f, UART_IER, 0);
	out8(f, UART_IER, UART_IER_THRI);
	second = in8(f, UART_IIR);
	out8(f, UART_IER, 0);
	g_assert_cmphex(first, ==, 0xc2);
	g_assert_cmphex(second, ==, 0xc2);

	out8(f, UART_MCR, UART_MCR_OUT2);
	out8(f, UART_IER, UART_IER_THRI);
	lsr = in8(f, UART_LSR);
	g_assert_cmphex(lsr & UART_LSR_TEMT, ==, UART_LSR_TEMT);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc2);
	out8(f, UART_IER, 0);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0xc1);
}

/* Without the enable bit the rest of the FCR is not programmed; toggling it empties both FIFOs. */
static void test_fifo_control(struct fixture *f, const void *data)
{
	(void)data;
	out8(f, UART_FCR, UART_FCR_TRIGGER_14);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0x01);
	receive(f, "a");
	out8(f, UART_FCR, UART_FCR_CLEAR_RCVR);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x61);
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
	receive(f, "bc");
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_4);
	g_assert_cmphex(in8(f, UART_RX), ==, 'b');
	out8(f, UART_FCR, 0);
	g_assert_cmphex(in8(f, UART_LSR), ==, 0x60);
}

/* Any bytes at any register: no invariant breaks (the sanitizers look on). */
static void test_random(struct fixture *f, const void *data)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(0x16550);
	char sink[4096];

	(void)data;
	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int reg = (unsigned int)g_rand_int_range(rand, 0, 8);
		uint64_t value;

		switch (g_rand_int_range(rand, 0, 4)) {
		case 0:
			g_assert_cmpuint(receive(f, "0123456789abcdefg"), <=, 16);
			break;
		case 1:
			iol_bus_read(&f->bus, BASE + reg, 1u << g_rand_int_range(rand, 0, 4),
				     &value);
			break;
		default:
			out8(f, reg, g_rand_int(rand) & 0xff);
			break;
		}
		if (i % 64 == 0) {
			iol_loop_turn(&f->loop, false);
			while (read(f->out_fd, sink, sizeof(sink)) > 0)
				;
		}
	}
	f->dev->ops->reset(f->dev);
	g_assert_cmphex(in8(f, UART_LSR) & ~UART_LSR_DR, ==, 0x60);
	g_assert_cmphex(in8(f, UART_IIR), ==, 0x01);
}

enum { THREAD_OUT_BYTES = 200000, THREAD_IN_BYTES = 2000 };

static void *run_guest(void *opaque)
{
	struct fixture *f = opaque;
	unsigned int sent = 0, received = 0;

	while (sent < THREAD_OUT_BYTES || received < THREAD_IN_BYTES) {
		uint8_t lsr = in8(f, UART_LSR);

		if (lsr & UART_LSR_DR)
			g_assert_cmphex(in8(f, UART_RX), ==, received++ % 251);
		if ((lsr & UART_LSR_THRE) && sent < THREAD_OUT_BYTES)
			out8(f, UART_TX, sent++ % 241);
	}
	out8(f, UART_SCR, 1);
	return NULL;
}

/* A vCPU that polls against the loop's thread: all bytes arrive both ways, in order. */
static void test_threads(struct fixture *f, const void *data)
{
	unsigned int sent = 0, received = 0;
	GThread *guest;

	(void)data;
	enable(f, UART_IER_RDI | UART_IER_THRI);
	guest = g_thread_new("guest", run_guest, f);
	while (sent < THREAD_IN_BYTES || received < THREAD_OUT_BYTES) {
		uint8_t byte = sent % 251, buf[4096];
		ssize_t len;

		if (sent < THREAD_IN_BYTES && write(f->in_fd, &byte, 1) == 1)
			sent++;
		g_assert_cmpint(iol_loop_turn(&f->loop, false), >=, 0);
		len = read(f->out_fd, buf, sizeof(buf));
		for (ssize_t i = 0; i < len; i++)
			g_assert_cmphex(buf[i], ==, received++ % 241);
	}
	/* The last input may still be on its way. */
	while (!in8(f, UART_SCR))
		g_assert_cmpint(iol_loop_turn(&f->loop, false), >=, 0);
	g_thread_join(guest);
}

/* A taken place: the interrupt line is gone with the device that was not made. */
static void test_place_taken(struct fixture *f, const void *data)
{
	struct iol_error err = { 0 };
	struct iol_device *dev = NULL;
	struct iol_irq_line irq;

	(void)data;
	g_assert_cmpint(iol_irq_line_init(&irq, -1, 0, NULL), ==, 0);
	g_assert_cmpint(iol_uart_new(&f->bus, BASE + 4, iol_irq_output_edge(irq), f->chr, &dev,
				     &err),
			==, -EEXIST);
	g_assert_null(dev);
	g_assert_cmpint(fcntl(irq.eventfd, F_GETFD), ==, -1);
	g_assert_cmpint(iol_uart_new(&f->bus, BASE + 4, iol_irq_output_level(&f->wire), f->chr,
				     &dev, &err),
			==, -EEXIST);
}

/* No backend at all. */
static void test_no_backend(struct fixture *f, const void *data)
{
	struct iol_irq_line irq = { .eventfd = -1 };
	struct iol_device *dev;
	uint64_t value;

	(void)data;
	g_assert_cmpint(iol_uart_new(&f->bus, 0x2f8, iol_irq_output_edge(irq), NULL, &dev, NULL),
			==, 0);
	for (unsigned int i = 0; i < 40; i++)
		g_assert_true(iol_bus_write(&f->bus, 0x2f8 + UART_TX, 1, 'x'));
	g_assert_true(iol_bus_read(&f->bus, 0x2f8 + UART_LSR, 1, &value));
	g_assert_cmphex(value, ==, 0x60);
	dev->ops->free(dev);
}

/* What was piped in before the guest took the line into use waits for it. */
static void test_input_waits_for_a_listener(struct fixture *f, const void *data)
{
	const uint8_t *text = (const uint8_t *)"abc";

	(void)data;
	g_assert_cmpuint(f->user->receive(f->user, text, 3), ==, 0);
	out8(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	in8(f, UART_LSR);
	g_assert_cmpuint(f->user->receive(f->user, text, 3), ==, 0);
	out8(f, UART_MCR, UART_MCR_RTS);
	g_assert_cmpuint(f->user->receive(f->user, text, 3), ==, 3);
	g_assert_cmphex(in8(f, UART_RX), ==, 'a');
	out8(f, UART_MCR, 0);
	g_assert_cmpuint(f->user->receive(f->user, text, 3), ==, 0);
}

static void test_input_for_one_that_polls(struct fixture *f, const void *data)
{
	const uint8_t *text = (const uint8_t *)"abc";

	(void)data;
	for (int i = 0; i < 100; i++) { /* waiting for room to send is not listening */
		in8(f, UART_LSR);
		out8(f, UART_TX, '.');
	}
	g_assert_cmpuint(f->user->receive(f->user, text, 1), ==, 0);
	for (int i = 0; i < 16; i++)
		in8(f, UART_LSR);
	g_assert_cmpuint(f->user->receive(f->user, text, 1), ==, 1);
	g_assert_cmphex(in8(f, UART_RX), ==, 'a');
	g_assert_cmpuint(f->user->receive(f->user, text, 1), ==, 1);
	f->dev->ops->reset(f->dev);
	g_assert_cmpuint(f->user->receive(f->user, text, 1), ==, 0);
}

#define ADD(name, fn) g_test_add("/uart/" name, struct fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("reset-values", test_reset_values);
	ADD("register-bits", test_register_bits);
	ADD("widths", test_widths);
	ADD("output", test_output);
	ADD("output-backpressure", test_output_backpressure);
	ADD("output-cleared", test_clear_waiting_output);
	ADD("thre-interrupt", test_thre_interrupt);
	ADD("out2-gate", test_out2_gate);
	ADD("input-fifo", test_input_fifo);
	ADD("trigger-levels", test_trigger_levels);
	ADD("input-single", test_input_single);
	ADD("input-backpressure", test_input_backpressure);
	ADD("input-resumes", test_input_resumes);
	ADD("loop-disconnects", test_loop_disconnects);
	ADD("causes-in-order", test_causes_in_order);
	ADD("no-lost-edges", test_no_lost_edges);
	ADD("overrun-single", test_overrun_single);
	ADD("modem-loop", test_modem_loop);
	ADD("fifo-control", test_fifo_control);
	ADD("linux-autoconfig", test_linux_autoconfig);
	ADD("linux-startup", test_linux_startup);
	ADD("random", test_random);
	ADD("threads", test_threads);
	ADD("place-taken", test_place_taken);
	ADD("no-backend", test_no_backend);
	ADD("input-waits-for-a-listener", test_input_waits_for_a_listener);
	ADD("input-for-one-that-polls", test_input_for_one_that_polls);
	return g_test_run();
}
