// SPDX-License-Identifier: Apache-2.0
/* KVM's own statistics (kvm-api 4.133), from files that are made here: right ones, and such that no kernel has. */
#include "vmm/kvm_stats.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NAME_BYTES = 48 };

struct given {
	const char *name;
	uint32_t flags;
	int16_t exponent;
	uint16_t size;
	uint32_t offset, bucket_size;
};

static const struct given usual[] = {
	{ "exits", KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE, 0, 1, 0, 0 },
	{ "pages_4k", KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_NONE, 0, 1, 8, 0 },
	{ "max_rmap", KVM_STATS_TYPE_PEAK | KVM_STATS_UNIT_NONE, 0, 1, 16, 0 },
	{ "wait_ns", KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_SECONDS | KVM_STATS_BASE_POW10, -9,
	  1, 24, 0 },
	{ "wait_hist", KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_SECONDS, -9, 4, 32, 0 },
	{ "lines", KVM_STATS_TYPE_LINEAR_HIST | KVM_STATS_UNIT_BYTES | KVM_STATS_BASE_POW2, 10, 2,
	  64, 5 },
	{ "guest_mode", KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN, 0, 1, 80, 0 },
};

/* A file of @given, whose number n is 100 + n. Its header can be changed before it is written. */
struct image {
	struct kvm_stats_header header;
	GByteArray *descs;
	uint64_t values[64];
	size_t values_bytes;
};

static void image_init(struct image *image, const struct given *given, unsigned int count)
{
	memset(image, 0, sizeof(*image));
	image->header = (struct kvm_stats_header){
		.name_size = NAME_BYTES,
		.num_desc = count,
		.id_offset = sizeof(image->header),
		.desc_offset = sizeof(image->header) + NAME_BYTES,
	};
	image->descs = g_byte_array_new();
	for (unsigned int i = 0; i < count; i++) {
		const struct kvm_stats_desc desc = {
			.flags = given[i].flags,
			.exponent = given[i].exponent,
			.size = given[i].size,
			.offset = given[i].offset,
			.bucket_size = given[i].bucket_size,
		};
		char name[NAME_BYTES] = { 0 };

		memcpy(name, given[i].name, strlen(given[i].name));
		g_byte_array_append(image->descs, (const uint8_t *)&desc, sizeof(desc));
		g_byte_array_append(image->descs, (const uint8_t *)name, sizeof(name));
	}
	image->header.data_offset = image->header.desc_offset + image->descs->len;
	for (unsigned int i = 0; i < G_N_ELEMENTS(image->values); i++)
		image->values[i] = 100 + i;
	image->values_bytes = sizeof(image->values);
}

/* A file in memory; frees what @image has. */
static int image_write(struct image *image)
{
	int fd = memfd_create("stats", MFD_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(pwrite(fd, &image->header, sizeof(image->header), 0), ==,
			sizeof(image->header));
	g_assert_cmpint(pwrite(fd, image->descs->data, image->descs->len, 24 + NAME_BYTES), ==,
			image->descs->len);
	g_assert_cmpint(pwrite(fd, image->values, image->values_bytes,
			       (off_t)(24 + NAME_BYTES + image->descs->len)),
			==, image->values_bytes);
	g_byte_array_unref(image->descs);
	return fd;
}

static void test_usual(void)
{
	struct iol_kvm_stats stats;
	struct iol_error err;
	struct image image;
	unsigned int value = 100;
	int fd;

	image_init(&image, usual, G_N_ELEMENTS(usual));
	fd = image_write(&image);
	for (int round = 0; round < 2; round++) {
		value = 100;
		g_assert_cmpint(iol_kvm_stats_read(fd, &stats, &err), ==, 0);
		g_assert_cmpuint(stats.count, ==, G_N_ELEMENTS(usual));
		for (unsigned int i = 0; i < stats.count; i++) {
			const struct iol_kvm_stat *stat = &stats.stats[i];

			g_assert_cmpstr(stat->name, ==, usual[i].name);
			g_assert_cmpuint(stat->type | stat->unit | stat->base, ==, usual[i].flags);
			g_assert_cmpint(stat->exponent, ==, usual[i].exponent);
			g_assert_cmpuint(stat->bucket_size, ==, usual[i].bucket_size);
			g_assert_cmpuint(stat->count, ==, usual[i].size);
			for (unsigned int j = 0; j < stat->count; j++)
				g_assert_cmpuint(stat->values[j], ==, value++);
		}
		iol_kvm_stats_finish(&stats);
	}
	close(fd);
}

static void test_none(void)
{
	struct iol_kvm_stats stats;
	struct iol_error err;
	struct image image;
	int fd;

	image_init(&image, usual, 0);
	image.values_bytes = 0;
	fd = image_write(&image);
	g_assert_cmpint(iol_kvm_stats_read(fd, &stats, &err), ==, 0);
	g_assert_cmpuint(stats.count, ==, 0);
	iol_kvm_stats_finish(&stats);
	close(fd);
	g_assert_cmpint(iol_kvm_stats_read(-1, &stats, &err), ==, -ENOTSUP);
	g_assert_nonnull(strstr(err.msg, "no statistics of its own"));
}

/* What a newer kernel may have does not hide what is known. */
static void test_unknown(void)
{
	static const struct given given[] = {
		{ "type", 5, 0, 1, 0, 0 },
		{ "unit", 5 << KVM_STATS_UNIT_SHIFT, 0, 1, 0, 0 },
		{ "base", 2 << KVM_STATS_BASE_SHIFT, 0, 1, 0, 0 },
		{ "known", 1u << 31 | KVM_STATS_TYPE_INSTANT, 0, 1, 8, 0 },
	};
	struct iol_kvm_stats stats;
	struct iol_error err;
	struct image image;
	int fd;

	image_init(&image, given, G_N_ELEMENTS(given));
	fd = image_write(&image);
	g_assert_cmpint(iol_kvm_stats_read(fd, &stats, &err), ==, 0);
	g_assert_cmpuint(stats.count, ==, 1);
	g_assert_cmpstr(stats.stats[0].name, ==, "known");
	g_assert_cmpuint(stats.stats[0].values[0], ==, 101);
	iol_kvm_stats_finish(&stats);
	close(fd);
}

/* The file that @spoil leaves is refused, with @words. */
static void refused(const struct given *given, unsigned int count,
		    void (*spoil)(struct image *image), const char *words)
{
	struct iol_kvm_stats stats;
	struct iol_error err;
	struct image image;
	int fd, ret;

	image_init(&image, given, count);
	if (spoil)
		spoil(&image);
	fd = image_write(&image);
	ret = iol_kvm_stats_read(fd, &stats, &err);
	if (ret != -EPROTO || !strstr(err.msg, words))
		g_error("%d, '%s'; not -EPROTO with '%s'", ret, ret ? err.msg : "", words);
	g_assert_null(stats.stats);
	close(fd);
}

static void many(struct image *image)
{
	image->header.num_desc = IOL_KVM_STATS_MAX + 1;
}

static void more(struct image *image)
{
	image->header.num_desc = IOL_KVM_STATS_MAX;
}

static void no_names(struct image *image)
{
	image->header.name_size = 0;
}

static void long_names(struct image *image)
{
	image->header.name_size = UINT32_MAX;
}

static void far_descs(struct image *image)
{
	image->header.desc_offset = UINT32_MAX;
}

static void far_values(struct image *image)
{
	image->header.data_offset = UINT32_MAX;
}

static void late_values(struct image *image)
{
	image->header.data_offset = IOL_KVM_STATS_BYTES_MAX;
}

static void no_values(struct image *image)
{
	image->values_bytes = 40;
}

static void long_name(struct image *image)
{
	memset(image->descs->data + sizeof(struct kvm_stats_desc), 'x', NAME_BYTES);
}

static void bad_name(struct image *image)
{
	image->descs->data[sizeof(struct kvm_stats_desc) + 2] = '\n';
}

static void test_nonsense(void)
{
	static const struct given far_one[] = { { "a", 0, 0, 1, UINT32_MAX, 0 } };
	static const struct given empty_one[] = { { "a", 0, 0, 0, 0, 0 } };
	static const struct given nameless[] = { { "", 0, 0, 1, 0, 0 } };
	static struct given huge[40];
	const unsigned int count = G_N_ELEMENTS(usual);

	refused(usual, count, many, "cannot be: 1025 of them");
	refused(usual, count, more, "end in the middle of the descriptors");
	refused(usual, count, no_names, "names of 0 bytes");
	refused(usual, count, long_names, "names of 4294967295 bytes");
	refused(usual, count, far_descs, "cannot be");
	refused(usual, count, far_values, "cannot be");
	refused(usual, count, late_values, "end in the middle of the numbers");
	refused(usual, count, no_values, "end in the middle of the numbers");
	refused(usual, count, long_name, "0 has no name");
	refused(usual, count, bad_name, "0 has no name");
	refused(far_one, 1, NULL, "a has 1 numbers at 4294967295");
	refused(empty_one, 1, NULL, "a has 0 numbers");
	refused(nameless, 1, NULL, "0 has no name");
	/* Each of them fits; all together would be copied many times. */
	for (unsigned int i = 0; i < G_N_ELEMENTS(huge); i++)
		huge[i] = (struct given){ "a", 0, 0, 60000, 0, 0 };
	refused(huge, G_N_ELEMENTS(huge), NULL, "a has 60000 numbers");
}

/* Wherever the file ends, and whatever stands in it: an answer, and nothing that was not there. */
static void test_damaged(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	struct iol_kvm_stats stats;
	unsigned int taken = 0;
	struct iol_error err;
	struct image image;
	uint8_t whole[4096];
	ssize_t len;
	int fd;

	image_init(&image, usual, G_N_ELEMENTS(usual));
	fd = image_write(&image);
	len = pread(fd, whole, sizeof(whole), 0);
	g_assert_cmpint(len, >, 0);
	for (unsigned int i = 0; i < 20000; i++) {
		uint8_t copy[sizeof(whole)];
		size_t kept = i % 3 ? (size_t)len : (size_t)g_rand_int_range(rand, 0, (gint)len);

		memcpy(copy, whole, (size_t)len);
		for (gint n = g_rand_int_range(rand, 1, 5); n; n--)
			copy[g_rand_int_range(rand, 0, (gint)len - 512)] =
				(uint8_t)g_rand_int(rand);
		g_assert_cmpint(pwrite(fd, copy, (size_t)len, 0), ==, len);
		g_assert_cmpint(ftruncate(fd, (off_t)kept), ==, 0);
		if (iol_kvm_stats_read(fd, &stats, &err))
			continue;
		taken++;
		for (unsigned int j = 0; j < stats.count; j++)
			g_assert_cmpuint(strlen(stats.stats[j].name), <,
					 IOL_KVM_STATS_NAME_BYTES_MAX);
		iol_kvm_stats_finish(&stats);
	}
	g_assert_cmpuint(taken, >, 100);
	g_assert_cmpuint(taken, <, 20000);
	close(fd);
}

static void test_host(void)
{
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm_fd;
	struct iol_kvm_stats stats;
	struct iol_error err;

	if (kvm_fd < 0) {
		g_test_skip("/dev/kvm is missing or forbidden");
		return;
	}
	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)KVM_CAP_BINARY_STATS_FD) <= 0) {
		g_test_skip("this KVM has no statistics of its own");
		close(kvm_fd);
		return;
	}
	vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0UL);
	g_assert_cmpint(vm_fd, >=, 0);
	g_assert_cmpint(iol_kvm_stats_read_vm(kvm_fd, vm_fd, &stats, &err), ==, 0);
	g_assert_cmpuint(stats.count, >, 1);
	iol_kvm_stats_finish(&stats);
	close(vm_fd);
	close(kvm_fd);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvm-stats/usual", test_usual);
	g_test_add_func("/kvm-stats/none", test_none);
	g_test_add_func("/kvm-stats/unknown", test_unknown);
	g_test_add_func("/kvm-stats/nonsense", test_nonsense);
	g_test_add_func("/kvm-stats/damaged", test_damaged);
	g_test_add_func("/kvm-stats/host", test_host);
	return g_test_run();
}
