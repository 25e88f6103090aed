/* libFuzzer: files at rest. Any bytes as a file: zip, gzip, zstd, UTF-16, then lines, JSON or XML documents.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "input/documents.h"

#define MEMBERS_MAX 16 /* of one input: time */
#define BYTES_MAX   (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_member(struct unpack *u)
{
    struct error err;
    struct line_reader *r = line_reader_on(u, 4096, &err);
    if (r == NULL)
        return;
    struct documents d = {.kind = documents_recognise(line_reader_peek(r)), .max_bytes = 4096};
    struct str record;
    uint64_t line = 0, bytes = 0, last = 0;
    bool was_cut;
    while (bytes < BYTES_MAX &&
           (d.kind == DOCUMENTS_NONE ? line_reader_next(r, &record, &was_cut, &err)
                                     : documents_next(&d, r, &record, &line, &was_cut, &err)) == 1) {
        if (record.n > 4096 || line < last)
            __builtin_trap();
        last = line;
        bytes += record.n + 1;
    }
    documents_free(&d);
    line_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct error err;
    struct str name;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct unpack *u = unpack_open(path, &err);
    int status = 1;
    for (int i = 0; u != NULL && i < MEMBERS_MAX && status != 0; i++) {
        status = unpack_next(u, &name, &err);
        if (status > 0)
            read_member(u);
    }
    unpack_close(u);
    close(fd);
    return 0;
}
