/* Commands and their options as tables: name, type, range, default and help in one place. main.c lists the
 * commands. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum { EXIT_DONE = 0, EXIT_FOUND = 1, EXIT_USAGE = 2 };

enum option_type {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_NUMBER, /* with range */
    OPTION_LIST,   /* may be given several times */
    OPTION_CHOICE, /* one of `values`, separated by '|' */
};

struct option {
    const char *name; /* without dashes */
    enum option_type type;
    const char *values;   /* what stands for the value in the help; the choices of OPTION_CHOICE */
    const char *fallback; /* NULL = none */
    int64_t low, high;    /* OPTION_NUMBER */
    const char *help_en, *help_ja;
};

#define OPTION_LIST_MAX 64

struct option_value {
    const char *text;                      /* NULL = not given and no default */
    const char *list[OPTION_LIST_MAX + 1]; /* NULL-terminated */
    size_t list_count;
    int64_t number;
    bool is_given;
};

struct command;
struct arguments {
    const struct command *command;
    struct option_value *values; /* same index as the command's options */
    const char **words;          /* the rest, NULL-terminated */
    size_t word_count;
    struct arena *arena; /* what lives as long as the arguments */
};

struct command {
    const char *name;
    int (*run)(const struct arguments *arguments);
    const char *summary_en, *summary_ja;
    const char *words; /* "[FILE…]" */
    size_t word_min, word_max;
    const struct option *options;
    size_t option_count;
    const char *examples; /* one a line */
};

/* Parses argv (without program and command name), runs, returns the exit status. */
int command_main(const struct command *command, int argc, char **argv);

/* BUG() when the command has no such option. */
const struct option_value *argument(const struct arguments *a, const char *name);
const char *argument_text(const struct arguments *a, const char *name);
int64_t argument_number(const struct arguments *a, const char *name);
bool argument_flag(const struct arguments *a, const char *name);
/* A time as people write it ("now-7d", ISO 8601, local without a zone), in ns; `fallback` when it is not
 * given.
 */
bool argument_time(const struct arguments *a, const char *name, int64_t fallback, int64_t *time_ns,
                   struct error *err) MUST_CHECK;

/* Reads a YAML file whose keys are the command's options (a list for options that may be repeated). What the
 * command line gave stays. */
bool arguments_read_config(struct arguments *a, const char *path, struct error *err) MUST_CHECK;

/* Prints "hyakuyo COMMAND: sentence" on standard error and returns `status`. */
int command_fail(const struct arguments *a, int status, const struct error *err);

/* Where the program's own files are: content/ and web/ beside the binary's tree, or /usr/share/hyakuyo;
 * HYAKUYO_SHARE overrides. The path lives as long as the arguments. */
const char *share_path(const struct arguments *a, const char *name);
/* Where a command without a data folder keeps what it worked out: $XDG_CACHE_HOME/hyakuyo or
 * ~/.cache/hyakuyo; NULL when there is neither. */
const char *cache_path(const struct arguments *a);

#endif
