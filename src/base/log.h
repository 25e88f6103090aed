/* What the program says about itself, on standard error: one line each, with time and level. Each message has
 * a Japanese and an English form; the process language decides (LANG, or --lang). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/error.h"

enum language { LANGUAGE_EN, LANGUAGE_JA };
enum language language_current(void);
void language_set(enum language l);
bool language_parse(const char *name, enum language *out);
/* Picks one of the two texts by the current language. */
const char *tr(const char *en, const char *ja);

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
void log_set_level(enum log_level minimum);
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_error(...)   log_line(LOG_ERROR, __VA_ARGS__)

#endif
