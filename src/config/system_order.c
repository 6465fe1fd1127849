// SPDX-License-Identifier: Apache-2.0
/* In which order the partitions of a system start: "after", without circles. See system.h. Before any thread. */
#include "system.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static void put(const struct iol_system_config *system, unsigned int who, size_t item,
		struct iol_mistakes *mistakes, struct iol_error *err)
{
	struct iol_json_place room[2];
	const struct iol_json_place after = {
		.up = iol_system_place(system->partitions[who], room),
		.key = "after",
	};
	const struct iol_json_place place = { .up = &after, .idx = item };

	iol_mistakes_put(mistakes, &place, err);
}

/* The place of the partition @name; -1: there is none. */
static int find(const struct iol_system_config *system, const char *name)
{
	for (unsigned int i = 0; i < system->count; i++)
		if (!strcmp(system->partitions[i]->name, name))
			return (int)i;
	return -1;
}

static int refuse_unknown(const struct iol_system_config *system, const char *name,
			  struct iol_error *err)
{
	const char *names[IOL_SYSTEM_PARTITIONS_MAX + 1] = { NULL };

	for (unsigned int i = 0; i < system->count; i++)
		names[i] = system->partitions[i]->name;
	return iol_name_refuse(name, names, "", err);
}

static bool has(const struct iol_partition_config *partition, unsigned int other)
{
	for (unsigned int i = 0; i < partition->after_count; i++)
		if (partition->after[i] == other)
			return true;
	return false;
}

static void resolve(const struct iol_system_config *system, unsigned int who,
		    struct iol_mistakes *mistakes)
{
	struct iol_partition_config *partition = system->partitions[who];
	struct iol_error err = { 0 };

	for (size_t i = 0; partition->after_names && partition->after_names[i]; i++) {
		const char *name = partition->after_names[i];
		int other = find(system, name);

		if (other < 0)
			refuse_unknown(system, name, &err);
		else if ((unsigned int)other == who)
			iol_error_set(&err, -EINVAL, "'%.64s' would wait for itself: leave it out",
				      name);
		else if (has(partition, (unsigned int)other))
			iol_error_set(&err, -EINVAL, "'%.64s' is named twice: leave one out", name);
		else {
			partition->after[partition->after_count++] = (unsigned int)other;
			continue;
		}
		put(system, who, i, mistakes, &err);
	}
}

/* A walk along "after" from one partition. */
struct walk {
	const struct iol_system_config *system;
	struct iol_mistakes *mistakes;
	bool done[IOL_SYSTEM_PARTITIONS_MAX]; /* no circle begins there */
	unsigned int depth;
	unsigned int way[IOL_SYSTEM_PARTITIONS_MAX];
};

/* The place of @name among what the partition @who was given. */
static size_t item_of(const struct iol_system_config *system, unsigned int who, const char *name)
{
	size_t i = 0;

	while (strcmp(system->partitions[who]->after_names[i], name) != 0)
		i++;
	return i;
}

/* The last one of the way waits for @other, which is on the way at @from. */
static void refuse_circle(struct walk *walk, unsigned int from, unsigned int other)
{
	const struct iol_system_config *system = walk->system;
	const char *name = system->partitions[other]->name;
	unsigned int last = walk->way[walk->depth - 1];
	g_autoptr(GString) text = g_string_new(NULL);
	struct iol_error err = { 0 };

	for (unsigned int i = from; i < walk->depth; i++)
		g_string_append_printf(text, "%.64s after ",
				       system->partitions[walk->way[i]]->name);
	iol_error_set(&err, -EINVAL,
		      "a circle, in which none can be the first: %.200s%s: leave one of them out",
		      text->str, name);
	put(system, last, item_of(system, last, name), walk->mistakes, &err);
}

static void follow(struct walk *walk, unsigned int who)
{
	struct iol_partition_config *partition = walk->system->partitions[who];
	unsigned int kept = 0;

	walk->way[walk->depth++] = who;
	for (unsigned int i = 0; i < partition->after_count; i++) {
		unsigned int other = partition->after[i], at = 0;

		while (at < walk->depth && walk->way[at] != other)
			at++;
		if (at < walk->depth) {
			refuse_circle(walk, at, other);
			continue; /* without it there is an order */
		}
		partition->after[kept++] = other;
		if (!walk->done[other])
			follow(walk, other);
	}
	partition->after_count = kept;
	walk->done[who] = true;
	walk->depth--;
}

void iol_system_check_order(struct iol_system_config *system, struct iol_mistakes *mistakes)
{
	struct walk walk = { .system = system, .mistakes = mistakes };

	for (unsigned int i = 0; i < system->count; i++)
		resolve(system, i, mistakes);
	for (unsigned int i = 0; i < system->count; i++)
		if (!walk.done[i])
			follow(&walk, i);
}
