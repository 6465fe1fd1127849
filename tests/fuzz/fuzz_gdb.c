// SPDX-License-Identifier: Apache-2.0
/*
 * A debugger's client: packets, nearly right, or just bytes, in any pieces; what the machine does
 * meanwhile; a link that has little room. What must hold, beside what the model of the target
 * demands of each call: what is sent is whole packets of the size that was agreed on, no more
 * than there is room for; there is a stop reply per resume at most; nothing is taken without room
 * for the answer; the next client is served, and sees memory as it is; the heap is flat.
 */
#include "fuzz_heap.h"

#include <errno.h>
#include <glib.h>

#include "gdb_model_target.h"

enum { STEPS_MAX = 96, STOP_BYTES_MAX = 64, HEAVY_MAX = 1, PIECES_MAX = 1024 };

struct run {
	struct gdb_model *m;
	struct fuzz_input in;
	GString *wire; /* of the client */
	size_t taken; /* of it */
	size_t piece;
	unsigned int asks, naks; /* what may have a stop sent again */
	unsigned int heavy; /* how often something was of the largest size: that takes its time */
};

static void drain(struct run *r)
{
	char *part;
	size_t bytes;

	while ((part = gdb_model_take(r->m, &bytes))) {
		fuzz_check(bytes <= 1 + IOL_GDB_PACKET_BYTES);
		g_free(part);
	}
	fuzz_check(r->m->stop_replies <= r->m->resumes + r->asks + r->naks);
}

/* Offers what the client said, as the link does. */
static void offer(struct run *r)
{
	struct gdb_model *m = r->m;
	/* What is large in single bytes would take more time than all else. */
	size_t piece = MAX(r->piece, r->wire->len / PIECES_MAX);

	while (r->taken < r->wire->len) {
		size_t bytes = MIN(piece, r->wire->len - r->taken), taken;
		size_t room = m->link.room(&m->link), sent = m->sent->len;
		bool heard = m->attached && !m->hung_up;

		taken = iol_gdb_session_receive(m->session,
						(const uint8_t *)r->wire->str + r->taken, bytes);
		fuzz_check(taken <= bytes);
		fuzz_check(!taken || !heard || room >= IOL_GDB_OUT_BYTES);
		fuzz_check(m->sent->len <= MAX(m->capacity, sent) + STOP_BYTES_MAX);
		r->taken += taken;
		if (!taken && !iol_gdb_session_writable(m->session))
			return;
	}
	g_string_set_size(r->wire, 0);
	r->taken = 0;
}

static bool heavy(struct run *r)
{
	return r->heavy++ < HEAVY_MAX;
}

static unsigned int count(const char *data, size_t bytes, char what)
{
	const char *at = data, *end = data + bytes;
	unsigned int found = 0;

	while ((at = memchr(at, what, (size_t)(end - at)))) {
		found++;
		at++;
	}
	return found;
}

static void say(struct run *r, const char *data, size_t bytes)
{
	r->naks += count(data, bytes, '-');
	r->asks += count(data, bytes, '?');
	g_string_append_len(r->wire, data, (gssize)bytes);
}

static void say_summed(struct run *r, const char *data, size_t bytes, uint8_t sum)
{
	char end[4];

	snprintf(end, sizeof(end), "#%02x", sum);
	say(r, "$", 1);
	say(r, data, bytes);
	say(r, end, 3);
}

static uint8_t sum_of(const char *data, size_t bytes)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + (uint8_t)data[i]);
	return sum;
}

static void say_framed(struct run *r, const char *data, size_t bytes)
{
	say_summed(r, data, bytes, sum_of(data, bytes));
}

/*
 * Characters stand for what is put in their place: '@' an address, '%' a small number, '&' a
 * length, '!' bytes of the input.
 */
static const char *const templates[] = {
	"?",
	"g",
	"G!",
	"G00112233445566778899aabbccddeeff00112233",
	"p%",
	"P%=!",
	"P4=abcd",
	"m@,%",
	"m@,&",
	"x@,&",
	"M@,%:!",
	"M@,2:abcd",
	"X@,%:!",
	"X@,2:ab",
	"c",
	"C%",
	"s",
	"S%",
	"vCont;c",
	"vCont;s:%;c",
	"vCont;C%:%;s:%",
	"vCont!",
	"vCont?",
	"Z%,@,%",
	"z%,@,%",
	"Hg%",
	"Hc%",
	"Hc-1",
	"T%",
	"D",
	"k",
	"vKill;%",
	"qSupported:swbreak+;hwbreak+",
	"qSupported!",
	"QStartNoAckMode",
	"qC",
	"qAttached",
	"qfThreadInfo",
	"qsThreadInfo",
	"qThreadExtraInfo,%",
	"qSymbol::",
	"qRcmd,68656c70",
	"qRcmd,!",
	"qXfer:features:read:target.xml:%,%",
	"qXfer:features:read:target.xml:0,&",
	"qXfer:memory-map:read::%,%",
	"qXfer:threads:read::%,&",
	"qXfer!",
	"vMustReplyEmpty",
};

static void append_bytes(struct run *r, GString *text)
{
	size_t got;
	const uint8_t *data = fuzz_take(&r->in, fuzz_u8(&r->in) % 40u, &got);

	g_string_append_len(text, (const char *)data, (gssize)got);
}

static uint64_t address(struct run *r)
{
	uint8_t how = fuzz_u8(&r->in);

	switch (how % 4u) {
	case 0:
		return GDB_MODEL_BASE + how;
	case 1:
		return GDB_MODEL_BASE + GDB_MODEL_MEMORY_BYTES - how;
	case 2:
		return UINT64_MAX - how;
	default:
		return fuzz_number(&r->in, 8);
	}
}

static uint64_t length(struct run *r)
{
	uint8_t how = fuzz_u8(&r->in);

	return how < 240 || !heavy(r) ? how : UINT64_MAX >> how % 64u;
}

static void say_template(struct run *r)
{
	GString *text = g_string_new(NULL);

	for (const char *at = templates[fuzz_u8(&r->in) % G_N_ELEMENTS(templates)]; *at; at++) {
		if (*at == '@')
			g_string_append_printf(text, "%" G_GINT64_MODIFIER "x", address(r));
		else if (*at == '&')
			g_string_append_printf(text, "%" G_GINT64_MODIFIER "x", length(r));
		else if (*at == '%')
			g_string_append_printf(text, "%x", fuzz_u8(&r->in) % 12u);
		else if (*at == '!')
			append_bytes(r, text);
		else
			g_string_append_c(text, *at);
	}
	say_framed(r, text->str, text->len);
	g_string_free(text, TRUE);
}

/* A packet around the limit; rarely, as it takes its time. */
static void say_big(struct run *r)
{
	static const char begin[] = "X10000,fff3:";
	enum { BEGIN = sizeof(begin) - 1 };
	uint8_t how = fuzz_u8(&r->in), fill = fuzz_u8(&r->in);
	size_t bytes = IOL_GDB_PACKET_BYTES - 8u + how % 16u;
	GString *text;

	if (how & 0x70 || !heavy(r))
		return;
	if (fill == '$' || fill == '#')
		fill = '}';
	text = g_string_new(begin);
	g_string_set_size(text, bytes);
	memset(text->str + BEGIN, fill, bytes - BEGIN);
	/* As often as not the right one. */
	say_summed(r, text->str, bytes,
		   (uint8_t)(sum_of(begin, BEGIN) + fill * (bytes - BEGIN) + (how >> 7)));
	g_string_free(text, TRUE);
}

static void read_stop(struct run *r, struct iol_gdb_stop *stop)
{
	stop->reason = (enum iol_gdb_stop_reason)(fuzz_u8(&r->in) % (IOL_GDB_STOPPED_RESET + 1u));
	stop->thread = fuzz_u8(&r->in) % GDB_MODEL_THREADS;
	stop->address = fuzz_number(&r->in, 4);
}

static void behave(struct run *r)
{
	static const int errors[] = { 0, 0, -EFAULT, -ENOTSUP, -ENOSPC, -EIO };
	struct gdb_model *m = r->m;
	uint8_t how = fuzz_u8(&r->in), more = fuzz_u8(&r->in);

	m->stops_in_resume = how & 1;
	m->stops_in_interrupt = how & 2;
	m->exits_in_monitor = how & 4;
	m->exits_in_kill = how & 8;
	m->info = how & 16 ? "<\"&\x7f>" : "";
	m->says_times = how & 64 ? 1 : 0;
	if ((how & 0xe0) == 0xe0 && heavy(r))
		m->says_times = 2500;
	m->says = how & 128 ? "0123456789abcdef" : NULL;
	m->fail = errors[more % G_N_ELEMENTS(errors)];
	m->ends_in_hang_up = more & 64;
	m->exits_in_resume = more & 128;
	read_stop(r, &m->next_stop);
}

static void change_client(struct run *r, bool begin)
{
	struct gdb_model *m = r->m;
	unsigned int attaches;

	/* With what it was sent. */
	drain(r);
	if (!begin) {
		iol_gdb_session_end(m->session);
		fuzz_check(!m->attached && !m->point_count);
	}
	attaches = m->attaches;
	iol_gdb_session_begin(m->session);
	m->hung_up = m->hung_up && m->attaches == attaches;
}

static void step(struct run *r)
{
	struct gdb_model *m = r->m;
	struct iol_gdb_stop stop;
	GString *text;

	switch (fuzz_u8(&r->in) % 16u) {
	default:
		say_template(r);
		break;
	case 6:
		text = g_string_new(NULL);
		append_bytes(r, text);
		if (fuzz_u8(&r->in) & 1)
			say_framed(r, text->str, text->len);
		else
			say(r, text->str, text->len);
		g_string_free(text, TRUE);
		break;
	case 7:
		say(r, &"\003+-$#}"[fuzz_u8(&r->in) % 6u], 1);
		break;
	case 8:
		read_stop(r, &stop);
		gdb_model_stop(m, &stop);
		break;
	case 9:
		if (fuzz_u8(&r->in) & 1)
			iol_gdb_session_exited(m->session, fuzz_u8(&r->in));
		else
			change_client(r, fuzz_u8(&r->in) & 1);
		break;
	case 10:
		m->capacity = fuzz_u8(&r->in) & 3 ? IOL_GDB_OUT_BYTES + fuzz_u16(&r->in)
						  : fuzz_u16(&r->in);
		break;
	case 11:
		drain(r);
		iol_gdb_session_writable(m->session);
		break;
	case 12:
		behave(r);
		break;
	case 13:
		r->piece = 1u + fuzz_u8(&r->in);
		break;
	case 14:
		say_big(r);
		break;
	case 15:
		r->piece = IOL_GDB_PACKET_BYTES;
		break;
	}
	offer(r);
}

/* Whatever the last client did, the next one is served. */
static void check_next_client(struct run *r)
{
	struct gdb_model *m = r->m;
	g_autofree char *bytes = g_strdup_printf("%02x%02x", m->memory[0], m->memory[1]);

	drain(r);
	iol_gdb_session_end(m->session);
	fuzz_check(!m->attached && !m->point_count && m->attaches == m->detaches);
	m->hung_up = false;
	m->ends_in_hang_up = false;
	m->exits_in_resume = false;
	m->fail = 0;
	m->capacity = IOL_GDB_OUT_BYTES;
	m->stopped_thread = 2;
	iol_gdb_session_begin(m->session);
	gdb_model_expect(m, "?", "T02thread:3;");
	gdb_model_expect(m, "m10000,2", bytes);
	m->stops_in_resume = false;
	gdb_model_expect(m, "vCont;c", NULL);
}

static void run_once(const uint8_t *data, size_t len)
{
	static struct gdb_model model;
	struct run r = { .m = &model, .in = { data, len }, .piece = IOL_GDB_PACKET_BYTES };

	gdb_model_init(&model);
	r.wire = g_string_new(NULL);
	iol_gdb_session_begin(model.session);
	for (unsigned int i = 0; i < STEPS_MAX && r.in.len; i++)
		step(&r);
	check_next_client(&r);
	gdb_model_finish(&model);
	g_string_free(r.wire, TRUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool warm;

	fuzz_keeps_nothing(run_once, data, len, &warm);
	return 0;
}
