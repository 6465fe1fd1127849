/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of src/config. */
#ifndef IOL_CONFIG_CONFIG_INTERNAL_H
#define IOL_CONFIG_CONFIG_INTERNAL_H

#include <iolite/config.h>

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
};

/*
 * All of @text as a number of @base (10, 16) from @min to @max; false: it is none. GLib's reading, without
 * the vertical tab that it steps over.
 */
bool iol_number_parse(const char *text, unsigned int base, uint64_t min, uint64_t max,
		      uint64_t *value);

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

/* Appends @line, which is checked; in any case what it owns is gone from it. -EINVAL: it cannot stand beside the others. */
int iol_config_append_serial(struct iol_config *config, struct iol_char_config *line,
			     struct iol_error *err);
void iol_config_clear_serials(struct iol_config *config);
/* Makes @line, which is checked, the console, in place of one that was there; what it owns is gone from it. */
void iol_config_put_console(struct iol_config *config, struct iol_char_config *line);
/* -EINVAL: it cannot stand beside the serial lines. Once they are all there: order does not matter. */
int iol_config_check_console(const struct iol_config *config, struct iol_error *err);
/*
 * -EINVAL: what a serial line or the console writes is a file of another one, or the machine's configuration, kernel,
 * initrd, tree, overlay or disk. Looks at files and opens none.
 */
int iol_config_check_files(const struct iol_config *config, struct iol_error *err);
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
 * -EINVAL: "there is no 'chache', but 'cache'" where one of @names (ended by NULL) comes near @name,
 * else all of them and @remark.
 */
int iol_name_refuse(const char *name, const char *const *names, const char *remark,
		    struct iol_error *err);

#endif
