// SPDX-License-Identifier: Apache-2.0
/* A shell for a person. See control_shell.h. */
#include "control_shell.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "control_verb.h"
#include "control_words.h"
#include "debug_socket.h"
#include "line_input.h"

enum {
	EVENTS_AT_ONCE = 64, /* then the keyboard has its turn */
	PROMPT_BYTES_MAX = 40,
};

static const char own_help[] =
	"exit                       leave (so does Ctrl-D); the machine runs on\n";

struct shell {
	struct iol_client *client;
	unsigned int cpu; /* whom commands about one CPU are for */
	struct iol_line_input *input;
	GPtrArray *usages;
	bool ended; /* the machine is gone */
	bool failed; /* some command */
};

/* A machine that does not know the one is asked with the other, which tells mistakes as text. */
static int ask(struct iol_client *client, unsigned int cpu, const char *line, json_t **text,
	       bool *done, struct iol_error *err)
{
	json_t *args = json_pack("{s:s}", "command-line", line), *result = NULL;
	int ret;

	if (cpu)
		json_object_set_new(args, "cpu-index", json_integer(cpu));
	ret = iol_client_execute(client, "x-iolite-monitor", json_incref(args), &result, err);

	*done = !ret && json_is_true(json_object_get(result, "done"));
	*text = json_incref(json_object_get(result, "text"));
	json_decref(result);
	if (ret == -EREMOTEIO) {
		*done = true;
		ret = iol_client_execute(client, "human-monitor-command", json_incref(args), text,
					 err);
	}
	json_decref(args);
	return ret;
}

/* Cuts the last line off @text, and returns it. To be freed. */
static char *cut_last_line(char *text)
{
	char *last = strrchr(g_strchomp(text), '\n');
	char *copy = g_strdup(last ? last + 1 : text);

	*(last ? last + 1 : text) = '\0';
	return copy;
}

static const char gdb_open[] = "gdb open ";

/* A machine in a sandbox makes none, and says so. */
static bool lacks_socket(const char *line, const char *why)
{
	return g_str_has_prefix(line, gdb_open) && strstr(why, "makes no sockets");
}

int iol_shell_command(struct iol_client *client, unsigned int cpu, const char *line, char **text,
		      struct iol_error *err)
{
	json_t *said = NULL;
	bool done;
	int ret;

	*text = NULL;
	if (!g_utf8_validate(line, -1, NULL))
		return iol_error_set(err, -EINVAL, "that is no text in UTF-8");
	ret = ask(client, cpu, line, &said, &done, err);
	if (!ret) {
		*text = iol_control_printable(json_is_string(said) ? json_string_value(said) : "");
		if (!done) {
			g_autofree char *why = cut_last_line(*text);

			ret = iol_error_set(err, -ENOSYS, "%s", why);
			if (lacks_socket(line, why)) {
				g_clear_pointer(text, g_free);
				ret = iol_debug_socket_open(client, line + strlen(gdb_open), text,
							    err);
			}
		}
	}
	json_decref(said);
	return ret;
}

/* "12:34:56 SHUTDOWN guest=true reason=guest-shutdown" */
static char *event_text(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event")), *key;
	json_t *data = json_object_get(event, "data"), *value;
	time_t seconds = (time_t)json_integer_value(
		json_object_get(json_object_get(event, "timestamp"), "seconds"));
	GString *line = g_string_new(NULL);
	g_autofree char *raw = NULL;
	struct tm when;
	char *text;

	if (seconds > 0 && localtime_r(&seconds, &when))
		g_string_append_printf(line, "%02d:%02d:%02d ", when.tm_hour, when.tm_min,
				       when.tm_sec);
	g_string_append(line, name ? name : "?");
	json_object_foreach(data, key, value)
	{
		char *dump = json_is_string(value)
				     ? NULL
				     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		g_string_append_printf(line, " %s=%s", key, dump ? dump : json_string_value(value));
		free(dump);
	}
	raw = g_string_free(line, FALSE);
	text = iol_control_printable(raw);
	g_strdelimit(text, "\n\t", '?');
	return text;
}

/* What the machine has told meanwhile. */
static enum iol_line_more show_events(void *opaque)
{
	struct shell *shell = opaque;

	for (int i = 0; i < EVENTS_AT_ONCE; i++) {
		g_autofree char *text = NULL, *line = NULL;
		json_t *event;
		int ret = iol_client_event(shell->client, 0, &event, NULL);

		if (ret == -ETIMEDOUT || ret == -EINTR)
			return IOL_LINE_DONE;
		if (ret) {
			shell->ended = true;
			return IOL_LINE_STOP;
		}
		text = event_text(event);
		line = g_strconcat(text, "\n", NULL);
		json_decref(event);
		/* A script has asked for answers only. */
		if (iol_line_input_is_terminal(shell->input))
			iol_line_input_print(shell->input, line);
	}
	return IOL_LINE_MORE;
}

static char **complete(void *opaque, const char *before)
{
	struct shell *shell = opaque;

	return iol_words_complete(shell->usages, before);
}

/* What there is to type, in the machine's words. Without them nothing is completed. */
static void learn_words(struct shell *shell)
{
	g_autofree char *help = NULL, *all = NULL;
	struct iol_error err;

	iol_shell_command(shell->client, 0, "help", &help, &err);
	all = g_strconcat(help ? help : "help\n", "\n", own_help, NULL);
	shell->usages = iol_words_new(all);
}

/* After "cpu N", and nothing behind it, that the machine took: it is for all commands that follow. */
static void keep_cpu(struct shell *shell, const char *line)
{
	guint64 cpu;

	if (!g_str_has_prefix(line, "cpu ") ||
	    !g_ascii_string_to_unsigned(line + strlen("cpu ") + strspn(line + strlen("cpu "), " "),
					10, 0, G_MAXUINT, &cpu, NULL))
		return;
	shell->cpu = (unsigned int)cpu;
	printf("commands about one CPU are for CPU %u now\n", shell->cpu);
}

/* False: the user wants to leave. */
static bool run_line(struct shell *shell, const char *line)
{
	g_autofree char *text = NULL;
	struct iol_error err = { 0 };
	int ret;

	if (!strcmp(line, "exit"))
		return false;
	ret = iol_shell_command(shell->client, shell->cpu, line, &text, &err);
	if (text) {
		fputs(text, stdout);
		if (*text && !g_str_has_suffix(text, "\n"))
			putchar('\n');
	}
	if (!ret && !strcmp(line, "help"))
		fputs(own_help, stdout);
	if (!ret)
		keep_cpu(shell, line);
	fflush(stdout);
	if (!ret)
		return true;
	shell->failed = true;
	if (ret == -EINTR) {
		puts("^C");
		fflush(stdout);
		return iol_line_input_take_interrupt(shell->input) == IOL_LINE_INTERRUPTED;
	}
	if (ret == -ECONNRESET || ret == -EPROTO)
		shell->ended = true;
	if (ret == -ECONNRESET && !strcmp(line, "quit"))
		shell->failed = false;
	else
		iol_cli_fail("monitor", 0, "%s", err.msg);
	return true;
}

static void run_lines(struct shell *shell)
{
	bool stays = true;

	while (stays && !shell->ended) {
		g_autofree char *line = NULL;

		switch (iol_line_input_read(shell->input, &line)) {
		case IOL_LINE_TEXT:
			g_strstrip(line);
			if (*line)
				stays = run_line(shell, line);
			/* Those of the command, before the next prompt. */
			while (!shell->ended && show_events(shell) == IOL_LINE_MORE)
				;
			break;
		case IOL_LINE_INTERRUPTED:
			stays = iol_line_input_is_terminal(shell->input);
			break;
		case IOL_LINE_END:
		case IOL_LINE_STOPPED:
			stays = false;
			break;
		}
	}
}

/* In $XDG_STATE_HOME/iolite, which is ~/.local/state/iolite; NULL: no home. */
static char *history_path(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && *state == '/')
		return g_build_filename(state, "iolite", "history", NULL);
	if (home && *home == '/')
		return g_build_filename(home, ".local", "state", "iolite", "history", NULL);
	return NULL;
}

/* "web1> "; of a path, its last part. */
static char *prompt_for(const char *name)
{
	g_autofree char *base = g_path_get_basename(name);
	g_autofree char *shown = NULL;

	if (g_str_has_suffix(base, ".sock"))
		base[strlen(base) - strlen(".sock")] = '\0';
	shown = iol_control_printable(base);
	g_strdelimit(shown, "\n\t", '?');
	if (g_utf8_strlen(shown, -1) > PROMPT_BYTES_MAX)
		*g_utf8_offset_to_pointer(shown, PROMPT_BYTES_MAX) = '\0';
	return g_strconcat(shown, "> ", NULL);
}

int iol_shell_run(struct iol_client *client, const char *name)
{
	struct shell shell = { .client = client };
	const struct iol_line_hooks hooks = {
		.opaque = &shell,
		.fd = iol_client_fd(client),
		.on_fd = show_events,
		.complete = complete,
	};
	g_autofree char *prompt = prompt_for(name), *history = history_path();
	bool terminal;

	shell.input = iol_line_input_new(prompt, &hooks, history);
	terminal = iol_line_input_is_terminal(shell.input);
	iol_client_set_interrupt(client, iol_line_input_interrupt_fd(shell.input));
	learn_words(&shell);
	if (terminal)
		iol_line_input_print(shell.input, "`help` lists commands; Ctrl-D leaves, and the "
						  "machine runs on.\n");
	run_lines(&shell);
	iol_client_set_interrupt(client, -1);
	iol_line_input_free(shell.input);
	g_ptr_array_unref(shell.usages);
	if (shell.ended && terminal)
		printf("the machine has ended\n");
	return shell.failed && !terminal ? IOL_EXIT_HOST : IOL_EXIT_OK;
}
