/* SPDX-License-Identifier: Apache-2.0 */
/* What a disk's flushes and writes promise. Shared by configuration and backends. */
#ifndef IOLITE_BLOCK_CACHE_H
#define IOLITE_BLOCK_CACHE_H

enum iol_block_cache {
	IOL_BLOCK_WRITEBACK, /* the guest flushes */
	IOL_BLOCK_WRITETHROUGH, /* every write is stable when it completes */
	IOL_BLOCK_UNSAFE, /* flushes do nothing: for throw-away disks */
};

#endif
