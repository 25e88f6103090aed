/* Reading a command's arguments by its table of options, and its help. */
#include "cli/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"

static const struct option help_option = {.name = "help",
                                          .type = OPTION_FLAG,
                                          .help_en = "this help",
                                          .help_ja = "この説明"};
static const struct option lang_option = {.name = "lang",
                                          .type = OPTION_CHOICE,
                                          .values = "ja|en",
                                          .help_en = "language of messages (default: LANG)",
                                          .help_ja = "表示言語(既定: 環境変数 LANG)"};

static void print_option(const struct option *o)
{
    char left[96];
    snprintf(left, sizeof left, "--%s%s%s", o->name, o->values ? " " : "", o->values ? o->values : "");
    printf("  %-34s %s", left, tr(o->help_en, o->help_ja));
    if (o->fallback != NULL)
        printf(tr(" (default: %s)", "(既定: %s)"), o->fallback);
    printf("\n");
}

static void print_help(const struct command *c)
{
    printf("%s\n\n%s: hyakuyo %s%s%s%s\n", tr(c->summary_en, c->summary_ja), tr("usage", "使い方"), c->name,
           c->option_count ? tr(" [options]", " [オプション]") : "", c->words ? " " : "",
           c->words ? c->words : "");
    printf("\n");
    for (size_t i = 0; i < c->option_count; i++)
        print_option(&c->options[i]);
    print_option(&lang_option);
    print_option(&help_option);
    if (c->examples != NULL)
        printf("\n%s:\n%s", tr("examples", "例"), c->examples);
}

static int usage_error(const struct command *c, const char *sentence, const char *word)
{
    fprintf(stderr, "hyakuyo %s: ", c->name);
    fprintf(stderr, sentence, word);
    fprintf(stderr, tr("; see 'hyakuyo %s --help'\n", "。'hyakuyo %s --help' を見てください\n"), c->name);
    return EXIT_USAGE;
}

static bool is_choice(const char *choices, const char *text)
{
    struct str rest = str_c(choices), part;
    while (str_split(&rest, '|', &part))
        if (str_eq(part, str_c(text)))
            return true;
    return false;
}

/* 0, or EXIT_USAGE after a sentence. */
static int set_value(const struct command *c, const struct option *o, struct option_value *v,
                     const char *text)
{
    v->is_given = true;
    v->text = text;
    switch (o->type) {
    case OPTION_NUMBER:
        if (!str_to_i64(str_c(text), &v->number) || v->number < o->low || v->number > o->high) {
            fprintf(stderr,
                    tr("hyakuyo %s: --%s wants a whole number from %lld to %lld, not '%s'\n",
                       "hyakuyo %s: --%s は %lld から %lld までの整数です('%s' は使えません)\n"),
                    c->name, o->name, (long long)o->low, (long long)o->high, text);
            return EXIT_USAGE;
        }
        return 0;
    case OPTION_CHOICE:
        if (is_choice(o->values, text))
            return 0;
        fprintf(stderr,
                tr("hyakuyo %s: --%s wants one of %s, not '%s'\n",
                   "hyakuyo %s: --%s は %s のどれかです('%s' は使えません)\n"),
                c->name, o->name, o->values, text);
        return EXIT_USAGE;
    case OPTION_LIST:
        if (v->list_count == OPTION_LIST_MAX)
            return usage_error(c, tr("--%s is given too often", "--%s が多すぎます"), o->name);
        v->list[v->list_count++] = text;
        return 0;
    case OPTION_FLAG:
    case OPTION_TEXT:
        return 0;
    }
    return 0;
}

static const struct option *find_option(const struct command *c, struct str name, size_t *index)
{
    for (size_t i = 0; i < c->option_count; i++)
        if (str_eq(str_c(c->options[i].name), name)) {
            *index = i;
            return &c->options[i];
        }
    return NULL;
}

static void set_defaults(const struct command *c, struct option_value *values)
{
    for (size_t i = 0; i < c->option_count; i++) {
        values[i].text = c->options[i].fallback;
        if (c->options[i].type == OPTION_NUMBER && c->options[i].fallback != NULL)
            str_to_i64(str_c(c->options[i].fallback), &values[i].number);
    }
}

/* One "--name[=value] [value]"; moves *at past what it took. */
static int read_option(const struct command *c, struct arguments *a, int argc, char **argv, int *at)
{
    const char *word = argv[*at] + 2;
    const char *equals = strchr(word, '=');
    struct str name = equals ? str_n(word, (size_t)(equals - word)) : str_c(word);
    size_t index = 0;
    struct option_value lang = {0};
    bool is_lang = str_eq(name, STR("lang"));
    const struct option *o = is_lang ? &lang_option : find_option(c, name, &index);
    struct option_value *v = is_lang ? &lang : &a->values[index];
    if (o == NULL)
        return usage_error(c, tr("there is no option '%s'", "オプション '%s' はありません"), argv[*at]);
    if (o->type == OPTION_FLAG)
        return equals ? usage_error(c, tr("--%s takes no value", "--%s に値は付けられません"), o->name)
                      : set_value(c, o, v, "yes");
    if (equals == NULL && *at + 1 >= argc)
        return usage_error(c, tr("--%s wants a value", "--%s には値が要ります"), o->name);
    int status = set_value(c, o, v, equals ? equals + 1 : argv[++*at]);
    enum language language;
    if (status == 0 && is_lang && language_parse(lang.text, &language))
        language_set(language);
    return status;
}

/* 0, EXIT_USAGE, or −1 when the help was printed. */
static int read_arguments(const struct command *c, struct arguments *a, int argc, char **argv)
{
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            print_help(c);
            return -1;
        } else if (!only_words && word[0] == '-' && word[1] == '-') {
            int status = read_option(c, a, argc, argv, &i);
            if (status != 0)
                return status;
        } else {
            a->words[a->word_count++] = word;
        }
    }
    if (a->word_count < c->word_min)
        return usage_error(c, tr("%s is missing", "%s がありません"), c->words);
    if (a->word_count > c->word_max)
        return usage_error(c, tr("'%s' is one word too many", "'%s' は余分です"), a->words[c->word_max]);
    return 0;
}

static bool set_from_config(struct arguments *a, const char *path, const struct yaml *node, struct error *err)
{
    size_t index;
    const struct option *o = find_option(a->command, node->key, &index);
    if (o == NULL)
        return error_at(err, path, node->key_line, node->key_column,
                        tr("there is no option '%.*s'; 'hyakuyo %s --help' lists them",
                           "オプション '%.*s' はありません。'hyakuyo %s --help' を見てください"),
                        STR_ARGS(node->key), a->command->name);
    struct option_value *v = &a->values[index];
    if (v->is_given && o->type != OPTION_LIST)
        return true;
    const struct yaml *first = node->type == YAML_LIST ? node->child : node;
    if (node->type == YAML_MAP || (node->type == YAML_LIST && o->type != OPTION_LIST))
        return error_at(err, path, node->line, node->column,
                        tr("'%s' wants a single value", "'%s' の値は1つです"), o->name);
    for (const struct yaml *at = first; at != NULL; at = node->type == YAML_LIST ? at->next : NULL) {
        if (set_value(a->command, o, v, arena_str(a->arena, at->text).p) != 0)
            return error_at(err, path, at->line, at->column,
                            tr("the value of '%s' cannot be used", "'%s' の値が使えません"), o->name);
    }
    return true;
}

bool arguments_read_config(struct arguments *a, const char *path, struct error *err)
{
    struct arena arena;
    arena_init(&arena, 16 << 10);
    const struct yaml *top = yaml_load(path, &arena, err);
    bool ok = top != NULL;
    if (ok && top->type != YAML_MAP)
        ok = error_at(err, path, top->line, top->column, "%s",
                      tr("the file must be a map of options", "オプション名と値の組で書いてください"));
    for (const struct yaml *at = ok ? top->child : NULL; ok && at != NULL; at = at->next)
        ok = set_from_config(a, path, at, err);
    arena_free(&arena);
    return ok;
}

int command_main(const struct command *c, int argc, char **argv)
{
    struct arena arena;
    struct arguments a = {.command = c, .arena = &arena};
    arena_init(&arena, 4096);
    a.values = NEW_ARRAY(struct option_value, c->option_count + 1);
    a.words = NEW_ARRAY(const char *, (size_t)argc + 1);
    set_defaults(c, a.values);
    int status = read_arguments(c, &a, argc, argv);
    if (status == 0)
        status = c->run(&a);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status != EXIT_USAGE) {
        fprintf(stderr,
                tr("hyakuyo %s: the output could not be written\n", "hyakuyo %s: 出力を書き込めません\n"),
                c->name);
        status = EXIT_USAGE;
    }
    memory_free(a.values);
    memory_free(a.words);
    arena_free(&arena);
    return status < 0 ? EXIT_DONE : status;
}

const struct option_value *argument(const struct arguments *a, const char *name)
{
    size_t index;
    if (find_option(a->command, str_c(name), &index) == NULL)
        BUG("a command asks for an option that its table does not have");
    return &a->values[index];
}

const char *argument_text(const struct arguments *a, const char *name)
{
    return argument(a, name)->text;
}

int64_t argument_number(const struct arguments *a, const char *name)
{
    return argument(a, name)->number;
}

bool argument_flag(const struct arguments *a, const char *name)
{
    return argument(a, name)->is_given;
}

bool argument_time(const struct arguments *a, const char *name, int64_t fallback, int64_t *time_ns,
                   struct error *err)
{
    const char *text = argument_text(a, name);
    *time_ns = fallback;
    if (text == NULL || time_parse_expression(str_c(text), clock_wall_ns(), zone_find(STR("local")), time_ns))
        return true;
    return error_set(err,
                     tr("--%s: '%s' is not a time; write 2025-11-10T09:00, now-7d or today",
                        "--%s: '%s' は時刻ではありません。2025-11-10T09:00、now-7d、today "
                        "のように書いてください"),
                     name, text);
}

int command_fail(const struct arguments *a, int status, const struct error *err)
{
    fprintf(stderr, "hyakuyo %s: %s\n", a->command->name, err->text);
    return status;
}

const char *cache_path(const struct arguments *a)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache != NULL && *cache == '/') /* the specification: relative paths do not count */
        return arena_printf(a->arena, "%s/hyakuyo", cache).p;
    return home != NULL && *home == '/' ? arena_printf(a->arena, "%s/.cache/hyakuyo", home).p : NULL;
}

const char *share_path(const struct arguments *a, const char *name)
{
    char path[PATH_MAX + 64];
    char self[PATH_MAX];
    const char *given = getenv("HYAKUYO_SHARE");
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = 0;
    const struct {
        const char *folder, *between;
    } places[] = {
        {given, "/"}, {self, "/"}, {self, "/../"}, {self, "/../share/hyakuyo/"}, {"/usr/share/hyakuyo", "/"}};
    for (size_t i = given ? 0 : 1; i < COUNT_OF(places); i++) {
        snprintf(path, sizeof path, "%s%s%s", places[i].folder, places[i].between, name);
        if (file_exists(path))
            break;
    }
    return arena_str(a->arena, str_c(path)).p;
}
