/* Bodies that become files. Stage: console. http.c hands over each piece as it comes, the handler finds the
 * whole file (services.h, struct console_upload). Next: gate.c. */
#include "console/upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"

#define ROOM_LEFT_BYTES   ((uint64_t)512 << 20) /* of the disk, for journal and store */
#define CHECK_EVERY_BYTES ((uint64_t)16 << 20)
#define SUFFIX            ".part"

struct upload {
    int fd;
    char path[PATH_MAX];
    uint64_t bytes, next_check;
    struct sha256 *hash; /* NULL once it was taken */
};

static bool fail(const char *path, struct error *en, struct error *ja)
{
    int why = errno;
    error_set(ja, "ファイル %s を書き込めません: %s", path, strerror(why));
    return error_set(en, "the file %s cannot be written: %s", path, strerror(why));
}

static bool has_room(const char *path, uint64_t more, bool *is_full, struct error *en, struct error *ja)
{
    struct statvfs disk;
    if (statvfs(path, &disk) != 0)
        return fail(path, en, ja);
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    *is_full = room < ROOM_LEFT_BYTES || room - ROOM_LEFT_BYTES < more;
    if (!*is_full)
        return true;
    error_set(
        ja,
        "証拠ファイルを置く空き容量が足りません。データフォルダーのディスクを空けてから送り直してください。");
    return error_set(en, "There is no room for the file: make some on the disk of the data folder, then send "
                         "it again.");
}

struct upload *upload_new(const char *folder, uint64_t announced, bool *is_full, struct error *en,
                          struct error *ja)
{
    static _Atomic unsigned serial;
    *is_full = false;
    if (!file_make_folders(folder, 0700, en)) {
        *ja = *en;
        return NULL;
    }
    if (!has_room(folder, announced, is_full, en, ja))
        return NULL;
    struct upload *u = NEW(struct upload);
    u->next_check = CHECK_EVERY_BYTES;
    snprintf(u->path, sizeof u->path, "%s/%ld-%u" SUFFIX, folder, (long)getpid(),
             atomic_fetch_add(&serial, 1));
    u->fd = open(u->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
    if (u->fd < 0) {
        fail(u->path, en, ja);
        memory_free(u);
        return NULL;
    }
    u->hash = sha256_new();
    return u;
}

bool upload_add(struct upload *u, struct str bytes, bool *is_full, struct error *en, struct error *ja)
{
    *is_full = false;
    if (u->bytes >= u->next_check) {
        u->next_check = u->bytes + CHECK_EVERY_BYTES;
        if (!has_room(u->path, 0, is_full, en, ja))
            return false;
    }
    sha256_add(u->hash, bytes);
    u->bytes += bytes.n;
    while (bytes.n) {
        ssize_t n = write(u->fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            *is_full = errno == ENOSPC || errno == EDQUOT;
            return fail(u->path, en, ja);
        }
        bytes = str_skip(bytes, (size_t)n);
    }
    return true;
}

bool upload_end(struct upload *u, struct console_upload *out, struct error *err)
{
    unsigned char hash[SHA256_BYTES];
    if (fsync(u->fd) != 0)
        return error_errno(err, "cannot write %s to disk", u->path);
    sha256_end(u->hash, hash);
    u->hash = NULL;
    *out = (struct console_upload){.path = u->path, .bytes = u->bytes};
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(out->sha256 + 2 * i, 3, "%02x", hash[i]);
    return true;
}

void upload_free(struct upload *u)
{
    if (u == NULL)
        return;
    close(u->fd);
    unlink(u->path);
    if (u->hash)
        sha256_end(u->hash, NULL);
    memory_free(u);
}

void upload_clear(const char *folder)
{
    char path[PATH_MAX];
    DIR *d = opendir(folder);
    for (const struct dirent *entry; d && (entry = readdir(d)) != NULL;)
        if (str_ends(str_c(entry->d_name), STR(SUFFIX)) &&
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path)
            unlink(path);
    if (d)
        closedir(d);
}
