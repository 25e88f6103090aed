/* Ground floor: sentences for the operator. Leaves a finished sentence in a struct error, cut at its size. */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static size_t clamp(int written)
{
    if (written < 0)
        return 0;
    size_t n = (size_t)written;
    return n < sizeof(((struct error *)0)->text) ? n : sizeof(((struct error *)0)->text) - 1;
}

static void append(struct error *err, size_t at, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void append(struct error *err, size_t at, const char *format, va_list arguments)
{
    vsnprintf(err->text + at, sizeof err->text - at, format, arguments);
}

bool error_set(struct error *err, const char *format, ...)
{
    if (!err)
        return false;
    va_list arguments;
    va_start(arguments, format);
    append(err, 0, format, arguments);
    va_end(arguments);
    return false;
}

bool error_at(struct error *err, const char *path, unsigned line, unsigned column, const char *format, ...)
{
    if (!err)
        return false;
    int at;
    if (line && column)
        at = snprintf(err->text, sizeof err->text, "%s:%u:%u: ", path, line, column);
    else if (line)
        at = snprintf(err->text, sizeof err->text, "%s:%u: ", path, line);
    else
        at = snprintf(err->text, sizeof err->text, "%s: ", path);
    va_list arguments;
    va_start(arguments, format);
    append(err, clamp(at), format, arguments);
    va_end(arguments);
    return false;
}

bool error_errno(struct error *err, const char *format, ...)
{
    int code = errno;
    if (!err)
        return false;
    va_list arguments;
    va_start(arguments, format);
    append(err, 0, format, arguments);
    va_end(arguments);
    size_t n = strlen(err->text);
    char reason[128];
    snprintf(err->text + n, sizeof err->text - n, ": %s", strerror_r(code, reason, sizeof reason));
    errno = code;
    return false;
}

bool error_prefix(struct error *err, const char *format, ...)
{
    if (!err)
        return false;
    struct error before = *err;
    va_list arguments;
    va_start(arguments, format);
    append(err, 0, format, arguments);
    va_end(arguments);
    size_t n = strlen(err->text);
    memccpy(err->text + n, before.text, '\0', sizeof err->text - n);
    err->text[sizeof err->text - 1] = '\0';
    return false;
}
