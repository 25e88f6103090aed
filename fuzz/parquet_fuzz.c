/* Any bytes as a part, and any bytes as what its pages hold once they are unpacked: events or a sentence,
 * nothing else. The first byte chooses: 'F' a whole file, 'P' a page (kind, list, encoding, then dictionary
 * and values). */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "base/memory.h"
#include "store/column_cursor.h"
#include "store/parquet_thrift.h"
#include "store/row_reader.h"

enum { ROWS = 100 };

static int make_file(struct str bytes)
{
    int fd = memfd_create("part", MFD_CLOEXEC);
    BUG_IF(fd < 0 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n);
    return fd;
}

/* ---- a whole file ---- */

static bool take_event(void *context, const struct event *event)
{
    buf_clear(context);
    event_json(event, context);
    return true;
}

static void read_file(struct str bytes)
{
    static const uint64_t sequences[] = {1, 2, 3, 17, 18, 40, 1000, UINT64_C(1) << 40};
    char path[64];
    int fd = make_file(bytes);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct part part = {.file = path, .bytes = bytes.n};
    struct row_reader *reader = row_reader_new(0);
    struct event_rebuild rebuild = {0};
    struct buf json = {0};
    struct error err = {.text = ""};
    if (!row_reader_read(reader, &part, sequences, COUNT_OF(sequences), &rebuild, take_event, &json, &err))
        BUG_IF(!err.text[0]);
    event_rebuild_free(&rebuild);
    buf_free(&json);
    row_reader_free(reader);
    close(fd);
}

/* ---- one page ---- */

static void add_page(struct buf *out, int32_t type, int32_t encoding, int32_t values, struct str body)
{
    struct buf packed = {0};
    size_t bound = ZSTD_compressBound(body.n);
    packed.n = ZSTD_compress(buf_reserve(&packed, bound), bound, body.p, body.n, 1);
    struct thrift t;
    thrift_begin(&t, out);
    thrift_i32(&t, 1, type);
    thrift_i32(&t, 2, (int32_t)body.n);
    thrift_i32(&t, 3, (int32_t)packed.n);
    thrift_struct(&t, type == PAGE_DATA ? 5 : 7);
    thrift_i32(&t, 1, values);
    thrift_i32(&t, 2, encoding);
    thrift_end(&t);
    thrift_end(&t);
    buf_add(out, buf_str(&packed));
    buf_free(&packed);
}

static void walk(struct column_cursor *c, struct page_unpacker *u, uint32_t step)
{
    unsigned long sum = 0; /* every byte that is given must be there */
    for (uint32_t row = 0; row < ROWS; row += step) {
        struct cursor_value v;
        uint32_t count;
        if (!cursor_seek(c, u, row, &count))
            return;
        for (; count; count--) {
            if (!cursor_value(c, &v))
                return;
            for (size_t i = 0; c->column->kind == COLUMN_TEXT && i < v.text.n; i++)
                sum += (unsigned char)v.text.p[i];
        }
    }
    BUG_IF(sum == 1); /* so that the sum is made */
}

static void read_page(struct str bytes)
{
    static const enum parquet_encoding encodings[] = {ENCODING_PLAIN, ENCODING_DELTA, ENCODING_DICTIONARY};
    const unsigned char *head = (const unsigned char *)bytes.p;
    struct footer_column column = {.name = STR("x"),
                                   .kind = head[0] % COLUMN_KIND_COUNT,
                                   .is_list = head[1] & 1};
    struct str body = str_skip(bytes, 6), dictionary = str_slice(body, 0, head[4]);
    struct buf file = {0};
    buf_c(&file, "PAR1");
    struct footer_chunk chunk = {.dictionary_offset = file.n, .uncompressed_bytes = bytes.n};
    add_page(&file, PAGE_DICTIONARY, ENCODING_PLAIN, head[5], dictionary);
    chunk.data_offset = file.n;
    add_page(&file, PAGE_DATA, (int32_t)encodings[head[2] % 3], head[3] * 4, str_skip(body, dictionary.n));
    struct page_place place = {chunk.data_offset, (uint32_t)(file.n - chunk.data_offset), 0};
    chunk.pages = &place;
    chunk.page_count = 1;
    int fd = make_file(buf_str(&file));
    struct page_unpacker *u = page_unpacker_new(fd, file.n);
    struct column_cursor c = {0};
    for (uint32_t step = 1; step < 40; step += 12) {
        cursor_begin(&c, &column, &chunk, ROWS);
        walk(&c, u, step);
    }
    cursor_free(&c);
    page_unpacker_free(u);
    buf_free(&file);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    if (size > 1 && data[0] == 'F')
        read_file(str_skip(bytes, 1));
    else if (size > 8 && data[0] == 'P')
        read_page(str_skip(bytes, 1));
    return 0;
}
