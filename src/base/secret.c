/* Reading secrets. */
#include "base/secret.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"

#define SECRET_MAX 4096

static bool is_private(const char *path, struct error *err)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return error_errno(err, "%s", path);
    return (status.st_mode & 077) == 0 ||
           error_set(err,
                     tr("%s can be read by others; run: chmod 600 %s",
                        "%s は他の利用者も読めます。chmod 600 %s を実行してください"),
                     path, path);
}

const char *secret_read(const char *path, struct arena *arena, struct error *err)
{
    struct buf text = {0};
    struct str secret = STR_EMPTY;
    bool ok = is_private(path, err) && file_read(path, SECRET_MAX, &text, err);
    if (ok) {
        secret = arena_str(arena, str_trim(buf_str(&text)));
        ok = (secret.n != 0 && str_find_char(secret, '\n', 0) == STR_NOT_FOUND &&
              str_find_char(secret, 0, 0) == STR_NOT_FOUND) ||
             error_set(err, tr("%s must hold one line", "%s は 1 行だけにしてください"), path);
    }
    if (text.p != NULL)
        explicit_bzero(text.p, text.n);
    buf_free(&text);
    return ok ? secret.p : NULL;
}

void secret_forget(const char *secret)
{
    if (secret != NULL)
        explicit_bzero((char *)secret, strlen(secret));
}

struct str url_origin(struct str url, struct arena *arena)
{
    size_t scheme = str_find(url, STR("://"), 0);
    if (scheme == STR_NOT_FOUND)
        return STR_EMPTY;
    struct str rest = str_skip(url, scheme + 3);
    size_t end = 0;
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
        end++;
    struct str host = str_slice(rest, 0, end);
    size_t at = str_find_last_char(host, '@');
    if (at != STR_NOT_FOUND)
        host = str_skip(host, at + 1);
    return arena_printf(arena, "%.*s://%.*s", STR_ARGS(str_slice(url, 0, scheme)), STR_ARGS(host));
}
