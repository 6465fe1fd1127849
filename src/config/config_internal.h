/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of src/config. */
#ifndef IOL_CONFIG_CONFIG_INTERNAL_H
#define IOL_CONFIG_CONFIG_INTERNAL_H

#include <iolite/config.h>

#include "json_position.h"

/*
 * How a value is written in a JSON file. A setter takes the text that an option would have, which is
 * made of it: one reading of values for both.
 */
enum iol_value_kind {
	IOL_VALUE_TEXT, /* "text" */
	IOL_VALUE_PATH, /* "text"; relative to the file's folder */
	IOL_VALUE_FLAG, /* true or false: on or off */
	IOL_VALUE_COUNT, /* 5 */
	IOL_VALUE_SIZE, /* "512M", or a number of bytes */
	IOL_VALUE_LIST, /* 2, "2-3,5", or a list of those: with colons between, and behind one that is alone */
};

/* What a key is, for the schema of files (docs/iolite-config.schema.json). */
struct iol_key_doc {
	const char *text; /* one sentence */
	const char
		*fallback; /* what is so without the key, as JSON; NULL: nothing, or it depends */
	const char *const *values; /* of text: all that there are, ended by NULL; NULL: any */
	uint64_t min, max; /* of counts; both 0: any */
};

/*
 * All of @text as a number of @base (10, 16) from @min to @max; false: it is none. GLib's reading, without
 * the vertical tab that it steps over.
 */
bool iol_number_parse(const char *text, unsigned int base, uint64_t min, uint64_t max,
		      uint64_t *value);

/* @path from the root; it begins in the current folder. To be freed with g_free(). */
char *iol_path_full(const char *path);

/* By enum iol_watchdog_action and iol_end_action, ended by NULL; and those of a power-off alone. */
extern const char *const iol_watchdog_actions[], *const iol_end_actions[];
extern const char *const iol_poweroff_actions[];
extern const char *const iol_sandbox_modes[];

/* Defaults; no path and no id. */
void iol_disk_config_init(struct iol_disk_config *disk);
void iol_disk_config_finish(struct iol_disk_config *disk);

/*
 * Appends @disk, whose path is set, and gives it an id if it has none. In any case what @disk owns is
 * gone from it. -EINVAL, with its path, when it cannot stand beside the others.
 */
int iol_config_append_disk(struct iol_config *config, struct iol_disk_config *disk,
			   struct iol_error *err);

/* What the setters of a serial line cannot see alone. */
int iol_char_config_check(const struct iol_char_config *line, struct iol_error *err);

/* As iol_char_config_parse(), with another @check in the place of iol_char_config_check(). */
int iol_char_config_parse_as(struct iol_char_config *line, const char *text,
			     int (*check)(const struct iol_char_config *, struct iol_error *),
			     struct iol_error *err);
/* Its address is one that other machines may reach. */
bool iol_char_config_is_exposed(const struct iol_char_config *line);
/* -EINVAL: @line, which is neither, has a file of a serial line's or of the console's. Once they are all there. */
int iol_char_config_check_beside(const struct iol_config *config,
				 const struct iol_char_config *line, struct iol_error *err);

/* Appends @line, which is checked; in any case what it owns is gone from it. -EINVAL: it cannot stand beside the others. */
int iol_config_append_serial(struct iol_config *config, struct iol_char_config *line,
			     struct iol_error *err);
void iol_config_clear_serials(struct iol_config *config);
/* Makes @line, which is checked, the console, in place of one that was there; what it owns is gone from it. */
void iol_config_put_console(struct iol_config *config, struct iol_char_config *line);
/* -EINVAL: it cannot stand beside the serial lines. Once they are all there: order does not matter. */
int iol_config_check_console(const struct iol_config *config, struct iol_error *err);
/* iol_config_set_gdb() of a file in @folder (NULL: of an option): that is where a relative path begins. */
int iol_config_set_gdb_in(struct iol_config *config, const char *text, const char *folder,
			  struct iol_error *err);
/* The text that iol_config_set_gdb() takes, with a path from the root; NULL: there is none. To be freed with g_free(). */
char *iol_config_get_gdb(const struct iol_config *config);
/* -EINVAL: a wait without an address, or a socket where a line has a file. */
int iol_config_check_gdb(const struct iol_config *config, struct iol_error *err);
/* iol_config_set_control() of a file in @folder (NULL: of an option). */
int iol_config_set_control_in(struct iol_config *config, const char *text, const char *folder,
			      struct iol_error *err);
/* The text that iol_config_set_control() takes, a path from the root; NULL: nothing was said. To be freed with g_free(). */
char *iol_config_get_control(const struct iol_config *config);
/* All of the file @path, to be freed with g_free(); NULL with what is wrong. */
char *iol_config_read_file(const char *path, size_t *len, struct iol_error *err);
void iol_jail_config_finish(struct iol_jail_config *jail);
/* -EINVAL: a group or a root folder without a user. */
int iol_config_check_jail(const struct iol_config *config, struct iol_error *err);
/* NULL: nothing was said. */
char *iol_config_get_sandbox(const struct iol_config *config);
/* iol_config_control_folder() of a user and an environment. */
char *iol_config_control_folder_of(bool is_root, const char *runtime_dir);
/* A place for the socket of a machine that has a name. */
void iol_config_complete_control(struct iol_config *config);
/* -EINVAL: a path too long, or one that a line or the debugger has. */
int iol_config_check_control(const struct iol_config *config, struct iol_error *err);
/*
 * What a serial line or the console writes must not be a file of another one, nor the machine's configuration, kernel,
 * initrd, tree, overlay or disk; each that is goes to @mistakes. Looks at files and opens none.
 */
void iol_config_check_files(const struct iol_config *config, const struct iol_json_place *at,
			    struct iol_mistakes *mistakes);
/* iol_config_check_all() of a machine at @at of a system's file; NULL: of its own. */
void iol_config_check_at(struct iol_config *config, const struct iol_json_place *at,
			 struct iol_mistakes *mistakes);
/* What iol_cpus_keys and iol_memory_keys are of: some of a struct iol_config. */
struct iol_cpus_value {
	unsigned int count;
	struct iol_cpu_place place;
};

struct iol_memory_value {
	uint64_t bytes;
	struct iol_memory_place place;
};

/*
 * Lets @edit change, by the keys in iol_cpus_keys or iol_memory_keys, a copy of what there is, which is taken when it
 * returns 0.
 */
int iol_config_edit_cpus(struct iol_config *config,
			 int (*edit)(const void *with, void *target, struct iol_error *err),
			 const void *with, struct iol_error *err);
int iol_config_edit_memory(struct iol_config *config,
			   int (*edit)(const void *with, void *target, struct iol_error *err),
			   const void *with, struct iol_error *err);
/* -EINVAL: as many CPUs named as the machine has not. */
int iol_config_check_pin(const struct iol_config *config, struct iol_error *err);
/* -EINVAL: memory that its pages do not divide. */
int iol_config_check_hugepages(const struct iol_config *config, struct iol_error *err);

/* The kind of a network card by its name; -EINVAL with those that there are. */
int iol_net_kind_parse(const char *text, enum iol_net_kind *kind, struct iol_error *err);
void iol_net_config_init(struct iol_net_config *net, enum iol_net_kind kind);
void iol_net_config_finish(struct iol_net_config *net);
/* As iol_config_append_disk(): checks what its kind needs, gives it an id. */
int iol_config_append_net(struct iol_config *config, struct iol_net_config *net,
			  struct iol_error *err);
/*
 * MAC addresses for those that have none: the same ones each time for a machine of this name, else for this path of its
 * first disk, else of its kernel, from the root.
 */
void iol_config_complete_nets(struct iol_config *config);

/*
 * -EINVAL: "there is no 'chache': did you mean 'cache'?" where one of @names (ended by NULL) comes near @name,
 * else all of them and @remark.
 */
int iol_name_refuse(const char *name, const char *const *names, const char *remark,
		    struct iol_error *err);

#endif
