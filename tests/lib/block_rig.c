// SPDX-License-Identifier: Apache-2.0
#include "block_rig.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

void block_rig_init(struct block_rig *rig)
{
	g_autoptr(GError) error = NULL;
	struct iol_error err;

	if (iol_loop_init(&rig->loop, &err))
		g_error("%s", err.msg);
	rig->dir = g_dir_make_tmp("iolite-block-XXXXXX", &error);
	g_assert_no_error(error);
	rig->path = g_build_filename(rig->dir, "disk", NULL);
}

void block_rig_finish(struct block_rig *rig)
{
	g_autoptr(GDir) dir = g_dir_open(rig->dir, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(rig->dir, name, NULL);

		g_remove(path);
	}
	g_assert_cmpint(g_rmdir(rig->dir), ==, 0);
	iol_loop_finish(&rig->loop);
	g_free(rig->dir);
	g_free(rig->path);
}

uint8_t block_rig_byte(uint64_t i)
{
	return (uint8_t)(i * 31 + i / 256);
}

void block_rig_file(struct block_rig *rig, uint64_t size_bytes)
{
	g_autofree char *bytes = g_malloc(size_bytes + 1);
	g_autoptr(GError) error = NULL;

	for (uint64_t i = 0; i < size_bytes; i++)
		bytes[i] = (char)block_rig_byte(i);
	g_file_set_contents_full(rig->path, bytes, (gssize)size_bytes, G_FILE_SET_CONTENTS_NONE,
				 0600, &error);
	g_assert_no_error(error);
}

struct iol_block_raw_config block_rig_config(const struct block_rig *rig)
{
	return (struct iol_block_raw_config){ .path = rig->path, .discard = true, .lock = true };
}

struct iol_block *block_rig_open(struct block_rig *rig, const struct iol_block_raw_config *config)
{
	struct iol_block_raw_config usual = block_rig_config(rig);
	struct iol_block *blk = NULL;
	struct iol_error err;

	if (iol_block_raw_new(&rig->loop, config ? config : &usual, &blk, &err))
		g_error("%s", err.msg);
	return blk;
}

char *block_rig_loop_device(struct block_rig *rig, const char **reason)
{
	const char *argv[] = { "losetup", "--show", "-f", rig->path, NULL };
	char *device = NULL;
	int status;

	*reason = "loop devices are for root";
	if (geteuid())
		return NULL;
	*reason = "losetup cannot make a loop device here";
	if (!g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL,
			  G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &device,
			  NULL, &status, NULL))
		return NULL;
	if (!g_spawn_check_wait_status(status, NULL)) {
		g_free(device);
		return NULL;
	}
	return g_strstrip(device);
}

void block_rig_loop_detach(char *device)
{
	const char *argv[] = { "losetup", "-d", device, NULL };

	g_assert_true(g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
				   NULL, NULL, NULL, NULL, NULL));
	g_free(device);
}

static void job_done(struct iol_block_req *req)
{
	iol_container_of(req, struct block_job, req)->done++;
}

void block_job_init(struct block_job *job, enum iol_block_kind kind, uint64_t offset, void *buf,
		    uint64_t len)
{
	*job = (struct block_job){
		.req = { .kind = kind, .offset_bytes = offset, .len_bytes = len, .done = job_done },
		.iov = { buf, len },
	};
	if (kind == IOL_BLOCK_READ || kind == IOL_BLOCK_WRITE)
		job->req.iov_count = 1;
}

void block_job_start(struct block_job *job, struct iol_block *blk)
{
	if (!job->req.iov)
		job->req.iov = &job->iov;
	job->at_once = iol_block_submit(blk, &job->req);
	g_assert_cmpuint(job->done, ==, 0); /* never from within */
}

int block_job_wait(struct block_job *job, struct iol_block *blk)
{
	uint64_t end_ns = iol_loop_now_ns() + 20 * IOL_NS_PER_S;

	while (!job->at_once && !job->done) {
		g_assert_cmpint(iol_loop_turn(blk->loop, false), ==, 0);
		g_assert_cmpuint(iol_loop_now_ns(), <, end_ns);
		g_thread_yield();
	}
	g_assert_cmpuint(job->done, ==, !job->at_once);
	return job->req.res;
}

int block_run(struct iol_block *blk, enum iol_block_kind kind, uint64_t offset, void *buf,
	      uint64_t len)
{
	struct block_job job;

	block_job_init(&job, kind, offset, buf, len);
	block_job_start(&job, blk);
	return block_job_wait(&job, blk);
}

int block_read(struct iol_block *blk, uint64_t offset, void *buf, uint64_t len)
{
	return block_run(blk, IOL_BLOCK_READ, offset, buf, len);
}

int block_write(struct iol_block *blk, uint64_t offset, void *buf, uint64_t len)
{
	return block_run(blk, IOL_BLOCK_WRITE, offset, buf, len);
}

int block_flush(struct iol_block *blk)
{
	return block_run(blk, IOL_BLOCK_FLUSH, 0, NULL, 0);
}
