/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of a device: one table for both of its forms, an option (HEAD[,key[=value]...], a comma within a value
 * written twice) and an object of a JSON file. Before any thread.
 */
#ifndef IOL_CONFIG_KEYS_H
#define IOL_CONFIG_KEYS_H

#include "config_internal.h"

/* Tables are arrays that end with an entry without a name. */
struct iol_key {
	const char *name;
	enum iol_value_kind kind;
	bool head; /* what an option has first, without a key; a file names it */
	bool bare; /* in an option it may stand without a value: on */
	bool repeats; /* may be given again, and is a list in a file */
	bool hidden; /* of test builds; messages do not name it */
	/* @item is the value as the user wrote it, with its key in an option: for messages. */
	int (*set)(void *target, const char *value, const char *item, struct iol_error *err);
	/*
	 * The text that set() takes for what @target has, to be freed with g_free(); of a key that repeats, its @i'th.
	 * NULL: nothing, or no more.
	 */
	char *(*get)(const void *target, unsigned int i);
	struct iol_key_doc doc;
};

extern const struct iol_key iol_disk_keys[]; /* of a struct iol_disk_config */
extern const struct iol_key iol_cpus_keys[]; /* of a struct iol_cpus_value */
extern const struct iol_key iol_memory_keys[]; /* of a struct iol_memory_value */
extern const struct iol_key iol_jail_keys[]; /* of a struct iol_jail_config */
extern const struct iol_key iol_char_keys[]; /* of a struct iol_char_config */
extern const struct iol_key iol_watchdog_keys[]; /* of a struct iol_watchdog_config */
extern const struct iol_key
	*const iol_net_keys[IOL_NET_KIND_COUNT]; /* of a struct iol_net_config */

/* NULL: there is none. */
const struct iol_key *iol_key_find(const struct iol_key *keys, const char *name);

/* -EINVAL: there is no such key, but others. @in_option: those that an option has. */
int iol_key_refuse_unknown(const struct iol_key *keys, bool in_option, const char *name,
			   const char *remark, struct iol_error *err);

/* Takes the text up to the next single comma off @rest, which is NULL behind the last. To be freed with g_free(). */
char *iol_keys_next(const char **rest);

/* All items of @rest (NULL: none), set in @target. */
int iol_keys_read(const struct iol_key *keys, const char *rest, void *target,
		  struct iol_error *err);

/* -EINVAL: "'bps=x' is not bytes a second: give ..." */
int iol_key_refuse(struct iol_error *err, const char *item, const char *what, const char *remedy);

/* Values that several devices have. */
int iol_key_set_text(char **field, const char *value, const char *item, struct iol_error *err);
int iol_key_set_count(unsigned int *field, unsigned int min, unsigned int max, const char *value,
		      const char *item, struct iol_error *err);
int iol_key_set_bool(bool *field, const char *value, const char *item, struct iol_error *err);
int iol_key_set_id(char **field, const char *value, const char *item, struct iol_error *err);
int iol_key_set_transport(enum iol_transport *field, const char *value, const char *item,
			  struct iol_error *err);

/* The other way round, to be freed with g_free(). */
char *iol_key_get_bool(bool on);
char *iol_key_get_count(unsigned int count); /* NULL: 0, which is not said */
char *iol_key_get_size(uint64_t bytes);
char *iol_key_get_transport(enum iol_transport transport);

/* By enum iol_transport, ended by NULL. */
extern const char *const iol_transports[];

/* The place of @value among @names, or -1. */
int iol_key_choose(const char *const *names, size_t count, const char *value);

#endif
