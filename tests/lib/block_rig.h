/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of block backends share: a loop, a temporary folder, requests that are waited for. */
#ifndef TESTS_BLOCK_RIG_H
#define TESTS_BLOCK_RIG_H

#include <iolite/block.h>

struct block_rig {
	struct iol_loop loop;
	char *dir; /* removed with all in it */
	char *path; /* of the disk's file in it, once made */
};

void block_rig_init(struct block_rig *rig);
void block_rig_finish(struct block_rig *rig);

/* Makes the disk's file, of @size_bytes, with byte number i being i * 31 + i / 256. */
void block_rig_file(struct block_rig *rig, uint64_t size_bytes);
uint8_t block_rig_byte(uint64_t i);

/* The configuration of a disk on that file: write-back, lock, discard, through the page cache. */
struct iol_block_raw_config block_rig_config(const struct block_rig *rig);

/* Opens it; a failure ends the test with its text. */
struct iol_block *block_rig_open(struct block_rig *rig, const struct iol_block_raw_config *config);

/*
 * A loop device over the disk's file, such as "/dev/loop0"; NULL with the reason in *@reason where
 * none can be had.
 */
char *block_rig_loop_device(struct block_rig *rig, const char **reason);
/* Takes it apart again, and frees @device. */
void block_rig_loop_detach(char *device);

/* A request that notes its end. */
struct block_job {
	struct iol_block_req req;
	struct iovec iov;
	bool at_once; /* submit said that it was over */
	unsigned int done; /* calls of done() */
};

void block_job_init(struct block_job *job, enum iol_block_kind kind, uint64_t offset, void *buf,
		    uint64_t len);
void block_job_start(struct block_job *job, struct iol_block *blk);
/* Runs turns until it is over, for 20 s at most; its result. */
int block_job_wait(struct block_job *job, struct iol_block *blk);

/* One request from start to end; its result. */
int block_run(struct iol_block *blk, enum iol_block_kind kind, uint64_t offset, void *buf,
	      uint64_t len);
int block_read(struct iol_block *blk, uint64_t offset, void *buf, uint64_t len);
int block_write(struct iol_block *blk, uint64_t offset, void *buf, uint64_t len);
int block_flush(struct iol_block *blk);

#endif
