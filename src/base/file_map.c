/* Ground floor: a file's bytes as memory. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

static bool fail(const char *path, struct error *err)
{
    return error_errno(err, tr("%s cannot be read", "%s を読めません"), path);
}

bool file_map_open(const char *path, struct file_map *map, struct error *err)
{
    struct stat s;
    *map = (struct file_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(path, err);
    bool ok = fstat(fd, &s) == 0;
    if (ok && s.st_size > 0) {
        void *address = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        ok = address != MAP_FAILED;
        if (ok)
            *map = (struct file_map){address, (size_t)s.st_size};
    }
    if (!ok)
        fail(path, err);
    close(fd);
    return ok;
}

void file_map_close(struct file_map *map)
{
    if (map->address)
        munmap(map->address, map->size);
    *map = (struct file_map){0};
}

void file_map_forget(const struct file_map *map)
{
    if (map->address)
        madvise(map->address, map->size, MADV_DONTNEED);
}
