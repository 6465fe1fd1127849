// SPDX-License-Identifier: Apache-2.0
/*
 * A block backend that misbehaves on order and writes down what passed through it, for tests. The
 * orders are described in block_fault_spec.c, the log in block_fault_log.h. All of it runs on the
 * loop's thread; the log is written with plain write(2), which makes the disk slower and is meant to.
 *
 * Every request is carried by a job of ours: the parts of a request are the inner backend's to change
 * while it runs, and the log needs them afterwards.
 */
#include <iolite/block_fault.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include <iolite/log.h>

#include "block_fault_log.h"
#include "block_fault_spec.h"

struct fault {
	struct iol_block blk;
	struct iol_block *inner;
	struct iol_fault_spec spec;
	uint64_t counts[IOL_FAULT_ANY + 1];
	uint64_t dice;
	int log_fd; /* -1: none, or given up */
	uint64_t records;
	GQueue jobs; /* of struct job */
};

struct job {
	struct fault *fault;
	GList link;
	struct iol_block_req *outer;
	struct iol_block_req inner; /* a piece of it */
	struct iol_op timer;
	struct iovec *parts; /* as they came */
	struct iovec *piece; /* of the present piece; the inner backend's */
	const struct iol_fault_rule *rule; /* NULL: nothing special */
	uint64_t begun; /* see struct iol_fault_record */
	uint64_t done_bytes;
	uint64_t piece_bytes; /* under way */
	bool under_way; /* the inner backend has the piece */
	bool cancelled;
};

static struct fault *fault_of(struct iol_block *blk)
{
	return iol_container_of(blk, struct fault, blk);
}

static bool has_parts(const struct iol_block_req *req)
{
	return req->kind == IOL_BLOCK_READ || req->kind == IOL_BLOCK_WRITE;
}

/* ---- Which rule ---- */

/* xorshift64*: the same on every machine. */
static uint32_t roll(struct fault *f)
{
	f->dice ^= f->dice >> 12;
	f->dice ^= f->dice << 25;
	f->dice ^= f->dice >> 27;
	return (uint32_t)((f->dice * UINT64_C(2685821657736338717)) >> 32);
}

static bool rule_fits(struct fault *f, const struct iol_fault_rule *rule,
		      const struct iol_block_req *req)
{
	uint64_t count = f->counts[rule->kind];

	if (rule->kind != IOL_FAULT_ANY && rule->kind != (unsigned int)req->kind)
		return false;
	if (count < rule->first || count > rule->last)
		return false;
	if (rule->ranged && (req->kind == IOL_BLOCK_FLUSH || req->offset_bytes >= rule->end_bytes ||
			     req->offset_bytes + req->len_bytes <= rule->begin_bytes))
		return false;
	return rule->per_mille == 1000 || roll(f) % 1000 < rule->per_mille;
}

static const struct iol_fault_rule *find_rule(struct fault *f, const struct iol_block_req *req)
{
	f->counts[req->kind]++;
	f->counts[IOL_FAULT_ANY]++;
	for (unsigned int i = 0; i < f->spec.rule_count; i++)
		if (rule_fits(f, &f->spec.rules[i], req))
			return &f->spec.rules[i];
	return NULL;
}

/* ---- The log ---- */

static bool write_all(int fd, const void *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = (const char *)bytes + n;
		len -= (size_t)n;
	}
	return true;
}

static void log_job(struct job *job)
{
	struct fault *f = job->fault;
	const struct iol_block_req *req = job->outer;
	bool stable = req->kind != IOL_BLOCK_FLUSH && (req->stable || f->spec.log_stable);
	struct iol_fault_record record = {
		.magic = le32_of(IOL_FAULT_LOG_MAGIC),
		.kind = le16_of((uint16_t)req->kind),
		.flags = le16_of((uint16_t)((stable ? IOL_FAULT_LOG_STABLE : 0) |
					    (req->unmap ? IOL_FAULT_LOG_UNMAP : 0))),
		.offset_bytes = le64_of(req->kind == IOL_BLOCK_FLUSH ? 0 : req->offset_bytes),
		.len_bytes = le64_of(req->kind == IOL_BLOCK_FLUSH ? 0 : req->len_bytes),
		.sequence = le64_of(f->records + 1),
		.begun = le64_of(job->begun),
	};
	bool ok;

	if (f->log_fd < 0 || req->kind == IOL_BLOCK_READ)
		return;
	ok = write_all(f->log_fd, &record, sizeof(record));
	for (unsigned int i = 0; ok && req->kind == IOL_BLOCK_WRITE && i < req->iov_count; i++)
		ok = write_all(f->log_fd, job->parts[i].iov_base, job->parts[i].iov_len);
	f->records++;
	if (ok)
		return;
	iol_log(IOL_LOG_ERROR, "%s: cannot write %s: %s; the log ends here", f->blk.name,
		f->spec.log_path, strerror(errno));
	iol_fd_close(&f->log_fd);
}

/* ---- Jobs ---- */

static void job_free(struct job *job)
{
	g_queue_unlink(&job->fault->jobs, &job->link);
	g_free(job->parts);
	g_free(job->piece);
	g_free(job);
}

static void job_finish(struct job *job, int res)
{
	struct fault *f = job->fault;
	struct iol_block_req *outer = job->outer;

	job_free(job);
	iol_block_complete(&f->blk, outer, res);
}

/* The parts of the next @len bytes. */
static unsigned int cut_piece(struct job *job, uint64_t len)
{
	uint64_t before = job->done_bytes;
	unsigned int count = 0;

	for (unsigned int i = 0; len && i < job->outer->iov_count; i++) {
		const struct iovec *part = &job->parts[i];
		uint64_t take;

		if (before >= part->iov_len) {
			before -= part->iov_len;
			continue;
		}
		take = MIN(len, part->iov_len - before);
		job->piece[count++] = (struct iovec){ (char *)part->iov_base + before, take };
		before = 0;
		len -= take;
	}
	return count;
}

static void piece_done(struct iol_block_req *req);

static void prepare_piece(struct job *job)
{
	const struct iol_block_req *outer = job->outer;
	uint64_t left = outer->kind == IOL_BLOCK_FLUSH ? 0 : outer->len_bytes - job->done_bytes;
	uint64_t max = job->rule && job->rule->piece_bytes ? job->rule->piece_bytes : left;

	job->piece_bytes = MIN(left, max);
	job->inner = (struct iol_block_req){
		.kind = outer->kind,
		.stable = outer->stable,
		.unmap = outer->unmap,
		.offset_bytes = outer->offset_bytes + job->done_bytes,
		.len_bytes = job->piece_bytes,
		.iov = job->piece,
		.iov_count = has_parts(outer) ? cut_piece(job, job->piece_bytes) : 0,
		.done = piece_done,
	};
}

/* Notes the end of a piece. True: the job is over, *@res is its result. */
static bool note_piece(struct job *job, int *res)
{
	*res = job->inner.res;
	if (!*res) {
		job->done_bytes += job->piece_bytes;
		if (job->outer->kind != IOL_BLOCK_FLUSH &&
		    job->done_bytes < job->outer->len_bytes) {
			*res = -ECANCELED;
			return job->cancelled;
		}
		log_job(job);
	}
	return true;
}

/* Sends pieces until one takes its time. True: the job is over, *@res is its result. */
static bool send_pieces(struct job *job, int *res)
{
	do {
		prepare_piece(job);
		job->under_way = true;
		if (!iol_block_submit(job->fault->inner, &job->inner))
			return false;
		job->under_way = false;
	} while (!note_piece(job, res));
	return true;
}

static void piece_done(struct iol_block_req *req)
{
	struct job *job = iol_container_of(req, struct job, inner);
	int res;

	job->under_way = false;
	if (note_piece(job, &res) || send_pieces(job, &res))
		job_finish(job, res);
}

/* What comes after the delay. True: the job is over, *@res is its result. */
static bool job_begin(struct job *job, int *res)
{
	const struct iol_fault_rule *rule = job->rule;

	*res = rule ? rule->error : 0;
	if (rule && (rule->error || rule->lost))
		return true;
	if (rule && rule->never)
		return false;
	return send_pieces(job, res);
}

static void timer_done(struct iol_op *op, int res)
{
	struct job *job = iol_container_of(op, struct job, timer);

	if (res == -ECANCELED || job->cancelled)
		job_finish(job, -ECANCELED);
	else if (job_begin(job, &res))
		job_finish(job, res);
}

static struct job *job_new(struct fault *f, struct iol_block_req *req)
{
	struct job *job = g_new0(struct job, 1);

	job->fault = f;
	job->outer = req;
	job->rule = find_rule(f, req);
	job->begun = f->records;
	job->timer.done = timer_done;
	job->link.data = job;
	g_queue_push_tail_link(&f->jobs, &job->link);
	if (has_parts(req)) {
		job->parts = g_memdup2(req->iov, req->iov_count * sizeof(*req->iov));
		job->piece = g_new(struct iovec, req->iov_count);
	}
	return job;
}

static bool fault_submit(struct iol_block *blk, struct iol_block_req *req)
{
	struct job *job = job_new(fault_of(blk), req);
	int res;

	if (job->rule && job->rule->delay_ns) {
		iol_loop_timeout(blk->loop, &job->timer, job->rule->delay_ns);
		return false;
	}
	if (!job_begin(job, &res))
		return false;
	job_free(job);
	req->res = res;
	return true;
}

static void fault_cancel_all(struct iol_block *blk)
{
	struct fault *f = fault_of(blk);
	GList *link, *next, *last = f->jobs.tail;

	for (link = f->jobs.head; link; link = next) {
		struct job *job = link->data;

		/* What the ends of these start comes behind the last, and is not meant. */
		next = link == last ? NULL : link->next;
		job->cancelled = true;
		if (job->timer.in_flight)
			iol_loop_cancel(blk->loop, &job->timer);
		else if (!job->under_way)
			job_finish(job, -ECANCELED);
	}
	iol_block_cancel_all(f->inner);
}

static bool fault_refresh(struct iol_block *blk)
{
	struct fault *f = fault_of(blk);
	bool changed = iol_block_refresh(f->inner);

	blk->limits = f->inner->limits;
	return changed;
}

static int fault_grow(struct iol_block *blk, uint64_t size_bytes)
{
	return iol_block_grow(fault_of(blk)->inner, size_bytes);
}

static void fault_free(struct iol_block *blk)
{
	struct fault *f = fault_of(blk);

	assert(!f->jobs.head);
	iol_fd_close(&f->log_fd);
	iol_fault_spec_finish(&f->spec);
	iol_block_free(f->inner);
	g_free(f);
}

static const struct iol_block_ops fault_ops = {
	.name = "fault",
	.submit = fault_submit,
	.cancel_all = fault_cancel_all,
	.refresh = fault_refresh,
	.grow = fault_grow,
	.free = fault_free,
};

static int open_log(const struct iol_fault_spec *spec, int *fd, struct iol_error *err)
{
	*fd = -1;
	if (!spec->log_path)
		return 0;
	*fd = open(spec->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	return *fd < 0 ? iol_error_errno(err, -errno, "fault log %s", spec->log_path) : 0;
}

int iol_block_fault_new(struct iol_block *inner, const char *text, struct iol_block **blk,
			struct iol_error *err)
{
	struct iol_fault_spec spec;
	struct fault *f;
	int log_fd, ret = iol_fault_spec_parse(&spec, text, err);

	if (ret)
		return ret;
	ret = open_log(&spec, &log_fd, err);
	if (ret) {
		iol_fault_spec_finish(&spec);
		return ret;
	}
	f = g_new0(struct fault, 1);
	iol_block_init(&f->blk, &fault_ops, inner->loop, inner->name);
	f->blk.limits = inner->limits;
	f->inner = inner;
	f->spec = spec;
	f->log_fd = log_fd;
	f->dice = (spec.seed * UINT64_C(0x9e3779b97f4a7c15)) | 1; /* never 0, which stays 0 */
	g_queue_init(&f->jobs);
	*blk = &f->blk;
	return 0;
}
