/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a disk's life, from which tests rebuild what a power cut would have left of it.
 *
 * A file of records, each a header and, for a write, the data. A record is added when its request
 * completed with success. All numbers are little-endian.
 */
#ifndef IOLITE_BACKEND_BLOCK_FAULT_LOG_H
#define IOLITE_BACKEND_BLOCK_FAULT_LOG_H

#include <iolite/endian.h>

enum {
	IOL_FAULT_LOG_MAGIC = 0x474f4c46, /* "FLOG" */
	IOL_FAULT_LOG_STABLE = 1, /* was on stable storage when it completed */
	IOL_FAULT_LOG_UNMAP = 2,
};

struct iol_fault_record {
	le32 magic;
	le16 kind; /* enum iol_block_kind; never READ */
	le16 flags;
	le64 offset_bytes;
	le64 len_bytes;
	le64 sequence; /* this record's number, from 1 */
	/*
	 * Records there were when the request was submitted. A flush makes stable what is up to there;
	 * of anything else, it tells what was in flight at the same time.
	 */
	le64 begun;
};

#endif
