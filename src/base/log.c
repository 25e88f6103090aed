/* Ground floor: what the program says about itself. The language and the lowest level shown are the process's
 * own settings, set once by the command line; atomics make reading them from any thread safe. */
#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

static atomic_int chosen_language = -1;
static atomic_int lowest_level = LOG_INFO;

/* The first of these that is set decides, as POSIX says. */
static enum language language_of_environment(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return str_starts(str_c(value), STR("ja")) ? LANGUAGE_JA : LANGUAGE_EN;
    }
    return LANGUAGE_EN;
}

enum language language_current(void)
{
    int language = atomic_load_explicit(&chosen_language, memory_order_relaxed);
    if (language < 0) {
        language = (int)language_of_environment();
        atomic_store_explicit(&chosen_language, language, memory_order_relaxed);
    }
    return (enum language)language;
}

void language_set(enum language l)
{
    atomic_store_explicit(&chosen_language, (int)l, memory_order_relaxed);
}

bool language_parse(const char *name, enum language *out)
{
    struct str s = str_c(name);
    size_t end = 0; /* "ja_JP.UTF-8", "ja-JP", "ja" */
    while (end < s.n && !strchr("_-.@", s.p[end]))
        end++;
    struct str word = str_slice(s, 0, end);
    if (str_eq_nocase(word, STR("ja")) || str_eq_nocase(word, STR("jp")))
        *out = LANGUAGE_JA;
    else if (str_eq_nocase(word, STR("en")) || str_eq(word, STR("C")) || str_eq(word, STR("POSIX")))
        *out = LANGUAGE_EN;
    else
        return false;
    return true;
}

const char *tr(const char *en, const char *ja)
{
    return language_current() == LANGUAGE_JA ? ja : en;
}

void log_set_level(enum log_level minimum)
{
    atomic_store_explicit(&lowest_level, (int)minimum, memory_order_relaxed);
}

static const char *level_word(enum log_level level)
{
    static const char *const words[][2] = {{"debug", "詳細"},
                                           {"info", "情報"},
                                           {"warning", "警告"},
                                           {"error", "エラー"}};
    return tr(words[level][0], words[level][1]);
}

/* One write(2) for the whole line, so that lines of several threads do not mix. Line ends inside a message
 * become spaces: a message may quote bytes from outside. */
void log_line(enum log_level level, const char *format, ...)
{
    if ((int)level < atomic_load_explicit(&lowest_level, memory_order_relaxed))
        return;
    char line[4096], when[TIME_TEXT_MAX];
    time_format_iso(clock_wall_ns() / NS_PER_MS * NS_PER_MS, when);
    int head = snprintf(line, sizeof line, "%s %s: ", when, level_word(level));
    va_list arguments;
    va_start(arguments, format);
    int body = vsnprintf(line + head, sizeof line - (size_t)head - 1, format, arguments);
    va_end(arguments);
    size_t n = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (n > sizeof line - 2)
        n = sizeof line - 2;
    for (size_t i = (size_t)head; i < n; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = ' ';
    line[n++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, n);
    (void)ignored;
}
