// SPDX-License-Identifier: Apache-2.0
#include "gdb_model_target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct iol_gdb_register core_registers[] = {
	{ "r0", 64, NULL, "general" },
	{ "flags", 32, "some_flags", "general" },
	{ "pc", 64, "code_ptr", "general" },
};
static const struct iol_gdb_register more_registers[] = {
	{ "v0", 128, "uint128", "vector" },
	{ "ctl", 16, "int", "system" },
};
static const struct iol_gdb_feature core = {
	"org.iolite.core",
	"<flags id=\"some_flags\" size=\"4\"><field name=\"C\" start=\"0\" end=\"0\"/></flags>\n",
	core_registers,
	IOL_ARRAY_LEN(core_registers),
};
static const struct iol_gdb_feature more = {
	"org.iolite.more",
	NULL,
	more_registers,
	IOL_ARRAY_LEN(more_registers),
};
static const struct iol_gdb_description description = {
	.architecture = "i386:x86-64",
	.feature_count = 2,
	.features = { &core, &more },
	.general_features = 1,
	.pc = 2,
};

static struct gdb_model *of(struct iol_gdb_target *target)
{
	return iol_container_of(target, struct gdb_model, target);
}

/* Most calls are for a target that a client is at, and that stands. */
static struct gdb_model *standing(struct iol_gdb_target *target, unsigned int thread)
{
	struct gdb_model *model = of(target);

	g_assert_true(model->attached);
	g_assert_false(model->runs);
	g_assert_cmpuint(thread, <, GDB_MODEL_THREADS);
	return model;
}

static void model_attach(struct iol_gdb_target *target)
{
	struct gdb_model *model = of(target);

	g_assert_false(model->attached);
	g_assert_cmpuint(model->point_count, ==, 0);
	model->attached = true;
	model->runs = false;
	model->attaches++;
}

static void model_detach(struct iol_gdb_target *target, bool let_go)
{
	struct gdb_model *model = of(target);

	g_assert_true(model->attached);
	model->attached = false;
	model->let_go = let_go;
	model->runs = true;
	model->point_count = 0;
	model->detaches++;
}

static void model_kill(struct iol_gdb_target *target)
{
	struct gdb_model *model = of(target);

	model->kills++;
	if (model->exits_in_kill)
		iol_gdb_session_exited(model->session, 0);
}

static const struct iol_gdb_description *model_describe(struct iol_gdb_target *target)
{
	(void)target;
	return &description;
}

static unsigned int model_thread_count(struct iol_gdb_target *target)
{
	(void)target;
	return GDB_MODEL_THREADS;
}

static void model_thread_info(struct iol_gdb_target *target, unsigned int thread, char *text)
{
	g_assert_cmpuint(thread, <, GDB_MODEL_THREADS);
	g_strlcpy(text, of(target)->info, IOL_GDB_THREAD_INFO_BYTES);
}

static unsigned int model_stopped_thread(struct iol_gdb_target *target)
{
	return of(target)->stopped_thread;
}

static int model_read_registers(struct iol_gdb_target *target, unsigned int thread, uint8_t *buf)
{
	struct gdb_model *model = standing(target, thread);

	/* All of it is the target's to write. */
	memset(buf, 0xee, IOL_GDB_REGISTERS_BYTES_MAX);
	memcpy(buf, model->registers[thread], GDB_MODEL_REGISTERS_BYTES);
	return model->fail;
}

static int model_write_registers(struct iol_gdb_target *target, unsigned int thread,
				 unsigned int first, unsigned int count, const uint8_t *buf)
{
	struct gdb_model *model = standing(target, thread);

	g_assert_cmpuint(count, >, 0);
	g_assert_cmpuint(first + count, <=, iol_gdb_register_count(&description));
	if (model->fail)
		return model->fail;
	for (unsigned int n = first; n < first + count; n++) {
		size_t offset;
		const struct iol_gdb_register *reg = iol_gdb_register_at(&description, n, &offset);

		memcpy(model->registers[thread] + offset, buf + offset, reg->bits / 8);
	}
	return 0;
}

/* How much of @bytes from @address on there is. */
static size_t present(uint64_t address, size_t bytes)
{
	/* No range wraps. */
	g_assert_cmpuint(bytes, >, 0);
	g_assert_cmpuint(bytes - 1, <=, UINT64_MAX - address);
	if (address < GDB_MODEL_BASE || address - GDB_MODEL_BASE >= GDB_MODEL_MEMORY_BYTES)
		return 0;
	return MIN(bytes, GDB_MODEL_MEMORY_BYTES - (size_t)(address - GDB_MODEL_BASE));
}

static long model_read_memory(struct iol_gdb_target *target, unsigned int thread, uint64_t address,
			      uint8_t *buf, size_t bytes)
{
	struct gdb_model *model = standing(target, thread);
	size_t there = present(address, bytes);

	model->last_read_bytes = bytes;
	if (model->fail)
		return model->fail;
	if (!there)
		return -EFAULT;
	memcpy(buf, model->memory + (address - GDB_MODEL_BASE), there);
	/* All of it is the target's to write. */
	memset(buf + there, 0xee, bytes - there);
	return (long)there;
}

static int model_write_memory(struct iol_gdb_target *target, unsigned int thread, uint64_t address,
			      const uint8_t *buf, size_t bytes)
{
	struct gdb_model *model = standing(target, thread);
	size_t there = present(address, bytes);

	model->writes++;
	if (model->fail)
		return model->fail;
	if (there)
		memcpy(model->memory + (address - GDB_MODEL_BASE), buf, there);
	return there < bytes ? -EFAULT : 0;
}

static bool model_memory_range(struct iol_gdb_target *target, unsigned int n,
			       struct iol_gdb_range *range)
{
	(void)target;
	if (n >= 2)
		return false;
	*range = n ? (struct iol_gdb_range){ UINT64_C(1) << 32, 0x1000 }
		   : (struct iol_gdb_range){ GDB_MODEL_BASE, GDB_MODEL_MEMORY_BYTES };
	return true;
}

static unsigned int find_point(const struct gdb_model *model, enum iol_gdb_point kind,
			       uint64_t address, uint64_t bytes)
{
	unsigned int i = 0;

	while (i < model->point_count &&
	       (model->points[i].kind != kind || model->points[i].address != address ||
		model->points[i].bytes != bytes))
		i++;
	return i;
}

static int model_insert(struct iol_gdb_target *target, unsigned int thread, enum iol_gdb_point kind,
			uint64_t address, uint64_t bytes)
{
	struct gdb_model *model = standing(target, thread);

	g_assert_cmpuint(kind, <, IOL_GDB_POINT_COUNT);
	if (model->fail)
		return model->fail;
	if (find_point(model, kind, address, bytes) < model->point_count)
		return 0;
	if (model->point_count == GDB_MODEL_POINTS)
		return -ENOSPC;
	model->points[model->point_count++] = (struct gdb_model_point){ kind, address, bytes };
	return 0;
}

static int model_remove(struct iol_gdb_target *target, unsigned int thread, enum iol_gdb_point kind,
			uint64_t address, uint64_t bytes)
{
	struct gdb_model *model = standing(target, thread);
	unsigned int at = find_point(model, kind, address, bytes);

	g_assert_cmpuint(kind, <, IOL_GDB_POINT_COUNT);
	if (model->fail)
		return model->fail;
	if (at < model->point_count)
		model->points[at] = model->points[--model->point_count];
	return 0;
}

static int model_resume(struct iol_gdb_target *target, const enum iol_gdb_action *actions)
{
	struct gdb_model *model = standing(target, 0);
	bool any = false;

	memcpy(model->actions, actions, sizeof(model->actions));
	for (unsigned int i = 0; i < GDB_MODEL_THREADS; i++)
		any = any || actions[i] != IOL_GDB_STAND;
	g_assert_true(any);
	if (model->fail)
		return model->fail;
	model->resumes++;
	model->runs = true;
	if (model->exits_in_resume)
		iol_gdb_session_exited(model->session, 1);
	else if (model->stops_in_resume)
		gdb_model_stop(model, &model->next_stop);
	return 0;
}

static void model_interrupt(struct iol_gdb_target *target)
{
	struct gdb_model *model = of(target);

	g_assert_true(model->attached);
	g_assert_true(model->runs);
	model->interrupts++;
	if (model->stops_in_interrupt)
		gdb_model_stop(model, &model->next_stop);
}

static int model_monitor(struct iol_gdb_target *target, const char *command, void *out)
{
	struct gdb_model *model = standing(target, 0);

	model->monitors++;
	g_strlcpy(model->command, command, sizeof(model->command));
	for (unsigned int i = 0; i < model->says_times; i++)
		g_string_append(out, model->says ? model->says : command);
	/* Much once only. */
	model->says_times = MIN(model->says_times, 1);
	if (model->exits_in_monitor)
		iol_gdb_session_exited(model->session, 0);
	if (model->ends_in_monitor)
		iol_gdb_session_end(model->session);
	return model->fail;
}

static const struct iol_gdb_target_ops target_ops = {
	.attach = model_attach,
	.detach = model_detach,
	.kill = model_kill,
	.describe = model_describe,
	.thread_count = model_thread_count,
	.thread_info = model_thread_info,
	.stopped_thread = model_stopped_thread,
	.read_registers = model_read_registers,
	.write_registers = model_write_registers,
	.read_memory = model_read_memory,
	.write_memory = model_write_memory,
	.memory_range = model_memory_range,
	.insert = model_insert,
	.remove = model_remove,
	.resume = model_resume,
	.interrupt = model_interrupt,
	.monitor = model_monitor,
};

static void link_send(struct iol_gdb_link *link, const uint8_t *data, size_t bytes)
{
	struct gdb_model *model = iol_container_of(link, struct gdb_model, link);

	g_assert_false(model->hung_up);
	g_string_append_len(model->sent, (const char *)data, (gssize)bytes);
}

static size_t link_room(struct iol_gdb_link *link)
{
	struct gdb_model *model = iol_container_of(link, struct gdb_model, link);

	return model->capacity > model->sent->len ? model->capacity - model->sent->len : 0;
}

static void link_hang_up(struct iol_gdb_link *link)
{
	struct gdb_model *model = iol_container_of(link, struct gdb_model, link);

	g_assert_false(model->hung_up);
	model->hung_up = true;
	if (model->ends_in_hang_up)
		iol_gdb_session_end(model->session);
}

/* What memory is at first. It is made once: fuzzers begin often. */
static const uint8_t *first_memory(void)
{
	static uint8_t memory[GDB_MODEL_MEMORY_BYTES];
	static bool made;

	for (size_t i = 0; !made && i < sizeof(memory); i++)
		memory[i] = (uint8_t)(i ^ i >> 8);
	made = true;
	return memory;
}

void gdb_model_init(struct gdb_model *model)
{
	memset(model, 0, sizeof(*model));
	model->target.ops = &target_ops;
	model->link.send = link_send;
	model->link.room = link_room;
	model->link.hang_up = link_hang_up;
	model->runs = true;
	memcpy(model->memory, first_memory(), sizeof(model->memory));
	for (unsigned int t = 0; t < GDB_MODEL_THREADS; t++)
		for (unsigned int i = 0; i < GDB_MODEL_REGISTERS_BYTES; i++)
			model->registers[t][i] = (uint8_t)(t << 6 | i);
	model->info = "halted";
	model->says_times = 1;
	model->next_stop.reason = IOL_GDB_STOPPED_STEP;
	model->capacity = 2 * IOL_GDB_OUT_BYTES;
	model->sent = g_string_new(NULL);
	model->session = iol_gdb_session_new(&model->target, &model->link);
	g_assert_true(model->target.session == model->session);
}

void gdb_model_finish(struct gdb_model *model)
{
	iol_gdb_session_free(model->session);
	g_assert_null(model->target.session);
	g_assert_false(model->attached);
	g_assert_cmpuint(model->attaches, ==, model->detaches);
	g_assert_cmpuint(model->point_count, ==, 0);
	g_string_free(model->sent, TRUE);
}

void gdb_model_stop(struct gdb_model *model, const struct iol_gdb_stop *stop)
{
	if (!model->attached || !model->runs)
		return;
	model->runs = false;
	model->stopped_thread = stop->thread;
	iol_gdb_session_stopped(model->session, stop);
}

static uint8_t unhex(char c)
{
	g_assert_nonnull(memchr("0123456789abcdef", c, 16));
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The data of a packet of which "#" is at @end. */
static char *unescape(const char *data, const char *end, size_t *bytes)
{
	char *text = g_malloc((size_t)(end - data) + 2), *out = text;
	const char *escape;
	uint8_t sum = 0;

	for (const char *at = data; at < end; at++)
		sum = (uint8_t)(sum + (uint8_t)*at);
	g_assert_cmpuint(sum, ==, unhex(end[1]) << 4 | unhex(end[2]));
	/* These would begin another packet, or a run length. */
	g_assert_null(memchr(data, '$', (size_t)(end - data)));
	g_assert_null(memchr(data, '*', (size_t)(end - data)));
	*out++ = '$';
	while ((escape = memchr(data, '}', (size_t)(end - data)))) {
		g_assert_true(escape + 1 < end);
		out = mempcpy(out, data, (size_t)(escape - data));
		*out++ = (char)(escape[1] ^ 0x20);
		data = escape + 2;
	}
	out = mempcpy(out, data, (size_t)(end - data));
	*bytes = (size_t)(out - text);
	*out = '\0';
	return text;
}

char *gdb_model_take(struct gdb_model *model, size_t *bytes)
{
	const char *data = model->sent->str, *end;
	char *text;

	*bytes = 1;
	if (!model->sent->len)
		return NULL;
	if (*data == '+' || *data == '-') {
		text = g_strndup(data, 1);
		g_string_erase(model->sent, 0, 1);
		return text;
	}
	g_assert_cmpint(*data, ==, '$');
	end = memchr(data, '#', model->sent->len);
	g_assert_nonnull(end);
	g_assert_cmpuint((size_t)(end - data) + 3, <=, model->sent->len);
	g_assert_cmpuint((size_t)(end - data) - 1, <=, IOL_GDB_PACKET_BYTES);
	text = unescape(data + 1, end, bytes);
	model->stop_replies += text[1] == 'T' || text[1] == 'W';
	g_string_erase(model->sent, 0, end + 3 - data);
	return text;
}

char *gdb_model_frame(const char *data)
{
	uint8_t sum = 0;

	for (const char *at = data; *at; at++)
		sum = (uint8_t)(sum + (uint8_t)*at);
	return g_strdup_printf("$%s#%02x", data, sum);
}

void gdb_model_say(struct gdb_model *model, const char *text)
{
	size_t bytes = strlen(text);

	g_assert_cmpuint(iol_gdb_session_receive(model->session, (const uint8_t *)text, bytes), ==,
			 bytes);
}

char *gdb_model_ask(struct gdb_model *model, const char *data)
{
	g_autofree char *frame = gdb_model_frame(data), *ack = NULL, *answer = NULL, *rest = NULL;
	size_t bytes;

	gdb_model_say(model, frame);
	if (!model->no_ack) {
		ack = gdb_model_take(model, &bytes);
		g_assert_cmpstr(ack, ==, "+");
	}
	answer = gdb_model_take(model, &bytes);
	if (!answer)
		return NULL;
	rest = gdb_model_take(model, &bytes);
	g_assert_cmpstr(rest, ==, NULL);
	g_assert_cmpint(*answer, ==, '$');
	if (!model->no_ack)
		gdb_model_say(model, "+");
	return g_strdup(answer + 1);
}
