// SPDX-License-Identifier: Apache-2.0
/* A disk as the device that is never reset. See hostile_other.h. */
#include "hostile_other.h"

#include "disk_image.h"
#include "hostile.h"

static struct disk other;

bool disk_data_is_right(unsigned int number, const void *data, uint64_t sector)
{
	const uint64_t *words = data;

	for (unsigned int i = 0; i < READ_BYTES / 8; i++)
		if (words[i] != disk_word(number, sector * DISK_SECTOR + 8ull * i))
			return false;
	return true;
}

bool other_works(void)
{
	static uint64_t seed = 1;
	uint64_t sector = random_next(&seed) % 1024;
	uint8_t *data = vio_alloc(READ_BYTES, 4096);

	return disk_request(&other.queues[0], VIRTIO_BLK_T_IN, sector, data, READ_BYTES) ==
		       VIRTIO_BLK_S_OK &&
	       disk_data_is_right(1, data, sector);
}

bool restart_other(void)
{
	if (!disk_restart(&other, 1, 64, DISK_FEATURES))
		return false;
	other.queues[0].indirect = false;
	return true;
}

bool open_other(void)
{
	h.other = &other.v;
	return vio_open(&other.v, 1);
}
