// SPDX-License-Identifier: Apache-2.0
/*
 * Reads KVM's own statistics. See kvm_stats.h. On any thread.
 *
 * The file is the kernel's, or that of something that plays KVM; whatever it says of offsets and sizes is held against limits
 * before it is used, and names are taken only as text.
 */
#include "kvm_stats.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What was read, before it is a struct iol_kvm_stats. */
struct file {
	int fd;
	struct kvm_stats_header header;
	size_t desc_bytes; /* of one, with its name */
	uint8_t *descs, *data;
	size_t data_bytes;
};

int iol_kvm_stats_open(int kvm_fd, int fd)
{
	int stats_fd;

	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)KVM_CAP_BINARY_STATS_FD) <= 0)
		return -1;
	stats_fd = ioctl(fd, KVM_GET_STATS_FD, 0UL);
	return stats_fd < 0 ? -1 : stats_fd;
}

static int read_at(const struct file *f, void *buf, size_t len, uint64_t offset, const char *what,
		   struct iol_error *err)
{
	uint8_t *at = buf;

	while (len) {
		ssize_t got = pread(f->fd, at, len, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return iol_error_errno(err, -errno, "KVM's statistics: %s", what);
		if (!got)
			return iol_error_set(err, -EPROTO,
					     "KVM's statistics end in the middle of the %s", what);
		at += got;
		offset += (uint64_t)got;
		len -= (size_t)got;
	}
	return 0;
}

static int read_header(struct file *f, struct iol_error *err)
{
	const struct kvm_stats_header *h = &f->header;
	int ret = read_at(f, &f->header, sizeof(f->header), 0, "header", err);

	if (ret)
		return ret;
	if (h->num_desc > IOL_KVM_STATS_MAX || !h->name_size ||
	    h->name_size > IOL_KVM_STATS_NAME_BYTES_MAX ||
	    h->desc_offset > IOL_KVM_STATS_BYTES_MAX || h->data_offset > IOL_KVM_STATS_BYTES_MAX)
		return iol_error_set(err, -EPROTO,
				     "KVM's statistics cannot be: %u of them at %u, names of %u "
				     "bytes, numbers at %u",
				     h->num_desc, h->desc_offset, h->name_size, h->data_offset);
	f->desc_bytes = sizeof(struct kvm_stats_desc) + h->name_size;
	return 0;
}

/* The descriptor @idx, which lies anywhere in memory. */
static struct kvm_stats_desc desc_at(const struct file *f, unsigned int idx, const char **name)
{
	const uint8_t *at = f->descs + idx * f->desc_bytes;
	struct kvm_stats_desc desc;

	memcpy(&desc, at, sizeof(desc));
	*name = (const char *)at + sizeof(desc);
	return desc;
}

static bool is_name(const char *name, size_t bytes)
{
	size_t len = strnlen(name, bytes);

	if (!len || len == bytes)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!g_ascii_isgraph(name[i]))
			return false;
	return true;
}

/* Reads descriptors, and finds out how many bytes of numbers there are. */
static int read_descs(struct file *f, struct iol_error *err)
{
	size_t bytes = f->header.num_desc * f->desc_bytes;
	uint64_t total = 0;
	int ret;

	f->descs = g_malloc(bytes + 1);
	ret = read_at(f, f->descs, bytes, f->header.desc_offset, "descriptors", err);
	for (unsigned int i = 0; !ret && i < f->header.num_desc; i++) {
		const char *name;
		struct kvm_stats_desc desc = desc_at(f, i, &name);
		uint64_t own = desc.size * (uint64_t)sizeof(uint64_t), end = desc.offset + own;

		if (!is_name(name, f->header.name_size))
			return iol_error_set(err, -EPROTO,
					     "KVM's statistics cannot be: %u has no name", i);
		total += own;
		if (!desc.size || MAX(end, total) > IOL_KVM_STATS_BYTES_MAX)
			return iol_error_set(err, -EPROTO,
					     "KVM's statistics cannot be: %s has %u numbers at %u",
					     name, desc.size, desc.offset);
		f->data_bytes = MAX(f->data_bytes, end);
	}
	return ret;
}

static bool is_known(const struct kvm_stats_desc *desc)
{
	return (desc->flags & KVM_STATS_TYPE_MASK) <= KVM_STATS_TYPE_LOG_HIST &&
	       (desc->flags & KVM_STATS_UNIT_MASK) <= KVM_STATS_UNIT_BOOLEAN &&
	       (desc->flags & KVM_STATS_BASE_MASK) <= KVM_STATS_BASE_POW2;
}

/* Several may say that they have the same numbers: each gets a copy. */
static void take(const struct file *f, struct iol_kvm_stats *stats)
{
	unsigned int total = 0, taken = 0;
	const char *name;

	for (unsigned int i = 0; i < f->header.num_desc; i++)
		total += desc_at(f, i, &name).size;
	stats->stats = g_new0(struct iol_kvm_stat, f->header.num_desc + 1);
	stats->values = g_new(uint64_t, total + 1);
	stats->names = g_malloc0((size_t)f->header.num_desc * f->header.name_size + 1);
	for (unsigned int i = 0; i < f->header.num_desc; i++) {
		struct kvm_stats_desc desc = desc_at(f, i, &name);
		struct iol_kvm_stat *stat = &stats->stats[stats->count];
		char *copy = stats->names + (size_t)i * f->header.name_size;

		if (!is_known(&desc))
			continue;
		memcpy(copy, name, strlen(name));
		memcpy(stats->values + taken, f->data + desc.offset, desc.size * sizeof(uint64_t));
		*stat = (struct iol_kvm_stat){
			.name = copy,
			.type = desc.flags & KVM_STATS_TYPE_MASK,
			.unit = desc.flags & KVM_STATS_UNIT_MASK,
			.base = desc.flags & KVM_STATS_BASE_MASK,
			.exponent = desc.exponent,
			.bucket_size = desc.bucket_size,
			.count = desc.size,
			.values = stats->values + taken,
		};
		taken += desc.size;
		stats->count++;
	}
}

int iol_kvm_stats_read(int stats_fd, struct iol_kvm_stats *stats, struct iol_error *err)
{
	struct file f = { .fd = stats_fd };
	int ret;

	*stats = (struct iol_kvm_stats){ 0 };
	if (stats_fd < 0)
		return iol_error_set(err, -ENOTSUP,
				     "the host's KVM has no statistics of its own; Linux 5.14 and "
				     "newer have");
	ret = read_header(&f, err);
	if (!ret)
		ret = read_descs(&f, err);
	if (!ret) {
		f.data = g_malloc(f.data_bytes + 1);
		ret = read_at(&f, f.data, f.data_bytes, f.header.data_offset, "numbers", err);
	}
	if (!ret)
		take(&f, stats);
	g_free(f.descs);
	g_free(f.data);
	return ret;
}

int iol_kvm_stats_read_vm(int kvm_fd, int vm_fd, struct iol_kvm_stats *stats, struct iol_error *err)
{
	iol_auto(iol_fd_close) int fd = iol_kvm_stats_open(kvm_fd, vm_fd);

	return iol_kvm_stats_read(fd, stats, err);
}

void iol_kvm_stats_finish(struct iol_kvm_stats *stats)
{
	g_free(stats->stats);
	g_free(stats->values);
	g_free(stats->names);
	*stats = (struct iol_kvm_stats){ 0 };
}
