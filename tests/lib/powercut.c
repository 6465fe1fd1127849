// SPDX-License-Identifier: Apache-2.0
#include "powercut.h"

#include <iolite/block.h>
#include <string.h>

#include "backend/block_fault_log.h"

static const uint8_t *bytes_of(const struct powercut *cut)
{
	return (const uint8_t *)g_mapped_file_get_contents(cut->file);
}

/* Reads the record at *@at, behind which *@at is afterwards. False: the log ends here. */
static bool read_record(const struct powercut *cut, size_t *at, struct powercut_record *record,
			char **error)
{
	const size_t size = g_mapped_file_get_length(cut->file);
	struct iol_fault_record header;

	if (size - *at < sizeof(header))
		return false;
	memcpy(&header, bytes_of(cut) + *at, sizeof(header));
	*record = (struct powercut_record){
		.kind = le16_get(header.kind),
		.flags = le16_get(header.flags),
		.offset_bytes = le64_get(header.offset_bytes),
		.len_bytes = le64_get(header.len_bytes),
		.begun = le64_get(header.begun),
		.data = bytes_of(cut) + *at + sizeof(header),
	};
	if (le32_get(header.magic) != IOL_FAULT_LOG_MAGIC || record->kind == IOL_BLOCK_READ ||
	    record->kind >= IOL_BLOCK_KIND_COUNT ||
	    le64_get(header.sequence) != cut->records->len + 1 ||
	    record->begun > cut->records->len) {
		*error = g_strdup_printf("record %u at byte %zu is damaged", cut->records->len + 1,
					 *at);
		return false;
	}
	*at += sizeof(header);
	if (record->kind != IOL_BLOCK_WRITE)
		return true;
	if (size - *at < record->len_bytes)
		return false;
	*at += record->len_bytes;
	return true;
}

char *powercut_load(struct powercut *cut, const char *path)
{
	g_autoptr(GError) gerror = NULL;
	struct powercut_record record;
	char *error = NULL;
	size_t at = 0;

	cut->records = g_array_new(FALSE, FALSE, sizeof(record));
	cut->file = g_mapped_file_new(path, FALSE, &gerror);
	if (!cut->file)
		return g_strdup(gerror->message);
	while (read_record(cut, &at, &record, &error))
		g_array_append_val(cut->records, record);
	return error;
}

void powercut_finish(struct powercut *cut)
{
	if (cut->file)
		g_mapped_file_unref(cut->file);
	g_array_unref(cut->records);
}

/* How much of a record there is. */
enum share { NONE, SOME, ALL };

static enum share choose(GRand *dice)
{
	int roll = g_rand_int_range(dice, 0, 4);

	return roll == 0 ? NONE : roll == 1 ? SOME : ALL;
}

static void apply_record(const struct powercut_record *record, uint8_t *image, uint64_t size_bytes,
			 enum share share, GRand *dice)
{
	const uint64_t sector = IOL_BLOCK_SECTOR_BYTES;

	if (share == NONE || record->kind == IOL_BLOCK_FLUSH)
		return;
	for (uint64_t at = 0; at + sector <= record->len_bytes; at += sector) {
		uint64_t place = record->offset_bytes + at;

		if (place > size_bytes - sector)
			return;
		if (share == SOME && g_rand_boolean(dice))
			continue;
		if (record->kind == IOL_BLOCK_WRITE)
			memcpy(image + place, record->data + at, sector);
		else
			memset(image + place, 0, sector);
	}
}

void powercut_apply(const struct powercut *cut, uint8_t *image, uint64_t size_bytes, uint64_t point,
		    uint64_t seed)
{
	const guint32 seeds[] = { (guint32)seed, (guint32)(seed >> 32), (guint32)point };
	GRand *dice = g_rand_new_with_seed_array(seeds, G_N_ELEMENTS(seeds));
	uint64_t stable_up_to = 0;

	for (uint64_t i = 1; i <= MIN(point, cut->records->len); i++) {
		const struct powercut_record *r =
			&g_array_index(cut->records, struct powercut_record, i - 1);

		if (r->kind == IOL_BLOCK_FLUSH)
			stable_up_to = MAX(stable_up_to, r->begun);
	}
	for (uint64_t i = 1; i <= cut->records->len; i++) {
		const struct powercut_record *r =
			&g_array_index(cut->records, struct powercut_record, i - 1);
		bool stable =
			i <= point && (i <= stable_up_to || (r->flags & IOL_FAULT_LOG_STABLE));
		enum share share = stable ? ALL : choose(dice);

		/* What was not submitted yet is not there. */
		if (i > point && r->begun > point)
			continue;
		/* Nobody promised that what was discarded is gone. */
		if (stable && r->kind == IOL_BLOCK_DISCARD)
			share = choose(dice);
		apply_record(r, image, size_bytes, share, dice);
	}
	g_rand_free(dice);
}
