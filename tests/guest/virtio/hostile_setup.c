// SPDX-License-Identifier: Apache-2.0
/* Violations of queue set-up, status and features, of any device. See ../hostile_device_list.h. */
#include "hostile.h"

#include <linux/virtio_mmio.h>

/* Enables the queue with parts of it elsewhere; 0: where they were made. */
static enum verdict with_addresses(uint64_t desc, uint64_t avail, uint64_t used)
{
	struct vio_queue made;

	if (!set_up(h.features))
		return FAIL;
	made = *h.q;
	vio_set(h.v, VIO_QUEUE_SELECT, h.q->index);
	vio_set(h.v, VIO_QUEUE_SIZE, Q_SIZE);
	vio_set(h.v, VIO_QUEUE_DESC, desc ? desc : (uint64_t)made.desc);
	vio_set(h.v, VIO_QUEUE_AVAIL, avail ? avail : (uint64_t)made.avail);
	vio_set(h.v, VIO_QUEUE_USED, used ? used : (uint64_t)made.used);
	vio_set(h.v, VIO_QUEUE_ENABLE, 1);
	if (!vio_get(h.v, VIO_QUEUE_ENABLE))
		return REJECT;
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	return still_works();
}

enum verdict v_desc_misaligned(void)
{
	return with_addresses((uint64_t)h.q->desc + 8, 0, 0);
}

enum verdict v_avail_misaligned(void)
{
	return with_addresses(0, (uint64_t)h.q->avail + 1, 0);
}

enum verdict v_used_misaligned(void)
{
	return with_addresses(0, 0, (uint64_t)h.q->used + 2);
}

enum verdict v_desc_outside_ram(void)
{
	return with_addresses(NOWHERE, 0, 0);
}

enum verdict v_avail_outside_ram(void)
{
	return with_addresses(0, NOWHERE, 0);
}

enum verdict v_used_outside_ram(void)
{
	return with_addresses(0, 0, NOWHERE);
}

enum verdict v_desc_across_ram_end(void)
{
	return with_addresses(RAM_END - 16, 0, 0);
}

enum verdict v_avail_across_ram_end(void)
{
	return with_addresses(0, RAM_END - 16, 0);
}

enum verdict v_used_across_ram_end(void)
{
	return with_addresses(0, 0, RAM_END - 16);
}

enum verdict v_desc_wraps(void)
{
	return with_addresses(-UINT64_C(16), 0, 0);
}

enum verdict v_used_wraps(void)
{
	return with_addresses(0, 0, -UINT64_C(16));
}

enum verdict v_desc_in_registers(void)
{
	return with_addresses(h.v->common & ~UINT64_C(15), 0, 0);
}

enum verdict v_used_in_registers(void)
{
	return with_addresses(0, 0, h.v->common & ~UINT64_C(15));
}

enum verdict v_rings_overlap(void)
{
	uint64_t at = (uint64_t)h.q->desc;
	enum verdict verdict = with_addresses(at, at, at);

	/* What it makes of its own writes there is its own affair. */
	return verdict == FAIL ? PASS : verdict;
}

static enum verdict with_size(uint32_t size)
{
	if (!set_up(h.features))
		return FAIL;
	h.q->size = Q_SIZE;
	vio_queue_enable(h.v, h.q);
	if (!set_up(h.features))
		return FAIL;
	vio_set(h.v, VIO_QUEUE_SELECT, h.q->index);
	vio_set(h.v, VIO_QUEUE_DESC, (uint64_t)h.q->desc);
	vio_set(h.v, VIO_QUEUE_AVAIL, (uint64_t)h.q->avail);
	vio_set(h.v, VIO_QUEUE_USED, (uint64_t)h.q->used);
	vio_set(h.v, VIO_QUEUE_SIZE, size);
	/* A register that keeps its old value has refused the new one. */
	if (!h.v->mmio && vio_get(h.v, VIO_QUEUE_SIZE) != size)
		return REJECT;
	vio_set(h.v, VIO_QUEUE_ENABLE, 1);
	if (!vio_get(h.v, VIO_QUEUE_ENABLE))
		return REJECT;
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	return still_works();
}

enum verdict v_size_zero(void)
{
	return with_size(0);
}

enum verdict v_size_three(void)
{
	return with_size(3);
}

enum verdict v_size_twice_max(void)
{
	vio_reset(h.v);
	return with_size(2u * vio_queue_max(h.v, h.q->index));
}

enum verdict v_size_65535(void)
{
	return with_size(65535);
}

static void move_queue(void)
{
	vio_set(h.v, VIO_QUEUE_SELECT, h.q->index);
	vio_set(h.v, VIO_QUEUE_DESC, NOWHERE);
	vio_set(h.v, VIO_QUEUE_AVAIL, NOWHERE);
	vio_set(h.v, VIO_QUEUE_USED, NOWHERE);
}

enum verdict v_enabled_twice(void)
{
	if (!set_up(h.features))
		return FAIL;
	vio_queue_enable(h.v, h.q);
	move_queue();
	vio_set(h.v, VIO_QUEUE_ENABLE, 1);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	return still_works();
}

enum verdict v_moved_after_driver_ok(void)
{
	load();
	move_queue();
	return load_ends() == PASS ? still_works() : FAIL;
}

enum verdict v_resized_after_driver_ok(void)
{
	load();
	vio_set(h.v, VIO_QUEUE_SELECT, h.q->index);
	vio_set(h.v, VIO_QUEUE_SIZE, 1);
	vio_set(h.v, VIO_QUEUE_SIZE, 0);
	return load_ends() == PASS ? still_works() : FAIL;
}

enum verdict v_disabled_after_driver_ok(void)
{
	load();
	vio_set(h.v, VIO_QUEUE_SELECT, h.q->index);
	vio_set(h.v, VIO_QUEUE_ENABLE, 0);
	if (!vio_get(h.v, VIO_QUEUE_ENABLE))
		return REJECT; /* it stands still, and says so */
	return load_ends() == PASS ? still_works() : FAIL;
}

enum verdict v_enabled_after_driver_ok(void)
{
	if (!set_up(h.features))
		return FAIL;
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	vio_queue_enable(h.v, h.q);
	if (!vio_get(h.v, VIO_QUEUE_ENABLE))
		return REJECT;
	return still_works();
}

enum verdict v_queue_missing(void)
{
	bool zero = true;

	vio_set(h.v, VIO_QUEUE_SELECT, 65535);
	zero = !vio_queue_max(h.v, 65535);
	vio_set(h.v, VIO_QUEUE_SIZE, 8);
	vio_set(h.v, VIO_QUEUE_DESC, (uint64_t)h.data);
	vio_set(h.v, VIO_QUEUE_AVAIL, (uint64_t)h.data);
	vio_set(h.v, VIO_QUEUE_USED, (uint64_t)h.data);
	vio_set(h.v, VIO_QUEUE_ENABLE, 1);
	zero = zero && !vio_get(h.v, VIO_QUEUE_ENABLE);
	return zero ? still_works() : FAIL;
}

/* --- status --- */

static enum verdict driver_ok_from(uint8_t status)
{
	vio_reset(h.v);
	vio_set(h.v, VIO_STATUS, status);
	vio_queue_make(h.v, h.q, h.q->index, Q_SIZE);
	vio_queue_enable(h.v, h.q);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	if (!(vio_get(h.v, VIO_STATUS) & VIRTIO_CONFIG_S_DRIVER_OK))
		return REJECT;
	return still_works();
}

enum verdict v_driver_ok_early(void)
{
	return driver_ok_from(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
}

enum verdict v_driver_ok_first(void)
{
	return driver_ok_from(0);
}

enum verdict v_status_all(void)
{
	vio_reset(h.v);
	vio_set(h.v, VIO_STATUS, 0xff);
	return (vio_get(h.v, VIO_STATUS) & ALL_STATUS) == ALL_STATUS ? PASS : REJECT;
}

enum verdict v_status_backwards(void)
{
	load();
	vio_set(h.v, VIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	if ((vio_get(h.v, VIO_STATUS) & ALL_STATUS) != ALL_STATUS)
		return REJECT;
	return load_ends() == PASS ? still_works() : FAIL;
}

enum verdict v_status_failed(void)
{
	vio_add_status(h.v, VIRTIO_CONFIG_S_FAILED);
	put_valid();
	vio_submit(h.q, 0);
	vio_kick_always(h.q);
	return silent() ? REJECT : PASS;
}

enum verdict v_status_needs_reset(void)
{
	vio_add_status(h.v, VIRTIO_CONFIG_S_NEEDS_RESET);
	return still_works();
}

/* --- features --- */

static enum verdict with_features(uint64_t features)
{
	vio_reset(h.v);
	vio_set(h.v, VIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER);
	for (unsigned int half = 0; half < 2; half++) {
		vio_set(h.v, VIO_DRIVER_FEATURES_SELECT, half);
		vio_set(h.v, VIO_DRIVER_FEATURES, features >> 32 * half & UINT32_MAX);
	}
	vio_add_status(h.v, VIRTIO_CONFIG_S_FEATURES_OK);
	return vio_get(h.v, VIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK ? PASS : REJECT;
}

enum verdict v_feature_not_offered(void)
{
	uint64_t missing = ~vio_offered(h.v);

	return with_features(h.features | (missing & -missing));
}

enum verdict v_features_all(void)
{
	return with_features(UINT64_MAX);
}

enum verdict v_version_1_declined(void)
{
	return with_features(h.features & ~VIO_BIT(VIRTIO_F_VERSION_1));
}

static void clear_features(void)
{
	for (unsigned int half = 0; half < 2; half++) {
		vio_set(h.v, VIO_DRIVER_FEATURES_SELECT, half);
		vio_set(h.v, VIO_DRIVER_FEATURES, 0);
	}
}

enum verdict v_features_late(void)
{
	if (!set_up(h.features))
		return FAIL;
	clear_features();
	vio_queue_enable(h.v, h.q);
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	put_indirect();
	if (answer(0) != PASS)
		return FAIL;
	return still_works();
}

enum verdict v_features_in_use(void)
{
	load();
	clear_features();
	return load_ends() == PASS ? still_works() : FAIL;
}

enum verdict v_feature_select_far(void)
{
	uint64_t far;

	if (!set_up(h.features))
		return FAIL;
	vio_set(h.v, VIO_DEVICE_FEATURES_SELECT, 7);
	far = vio_get(h.v, VIO_DEVICE_FEATURES);
	vio_set(h.v, VIO_DRIVER_FEATURES_SELECT, UINT32_MAX);
	vio_set(h.v, VIO_DRIVER_FEATURES, UINT32_MAX);
	return far ? FAIL : set_up_ends();
}

enum verdict v_kick_before_driver_ok(void)
{
	if (!set_up(h.features))
		return FAIL;
	vio_queue_enable(h.v, h.q);
	put_valid();
	vio_submit(h.q, 0);
	vio_kick_always(h.q);
	if (!silent() || !unanswered())
		return FAIL;
	vio_add_status(h.v, VIRTIO_CONFIG_S_DRIVER_OK);
	vio_kick_always(h.q);
	return outcome() == PASS ? still_works() : FAIL;
}

enum verdict v_request_after_broken(void)
{
	put_valid();
	h.q->desc[0].next = Q_SIZE;
	if (answer(0) != REJECT)
		return FAIL;
	if (!vio_needs_reset(h.v))
		return PASS;
	load();
	return silent() && vio_needs_reset(h.v) ? REJECT : FAIL;
}

/* --- reset --- */

/* Nothing goes to the used ring any more. */
static bool silent_after_reset(void)
{
	h.q->used_idx = *(volatile uint16_t *)&h.q->used->idx;
	return silent();
}

static bool reset_under_load(void)
{
	load_ring(Q_SIZE - 4);
	if (!vio_reset(h.v) || !silent_after_reset())
		return false;
	return start_victim(h.features);
}

enum verdict v_reset_in_flight(void)
{
	return reset_under_load() ? still_works() : FAIL;
}

enum verdict v_reset_storm_in_flight(void)
{
	for (unsigned int i = 0; i < 20; i++)
		if (!reset_under_load())
			return FAIL;
	return still_works();
}

enum verdict v_reset_storm(void)
{
	for (unsigned int i = 0; i < 200; i++)
		vio_set(h.v, VIO_STATUS, 0);
	if (!set_up(h.features))
		return FAIL;
	return set_up_ends();
}
