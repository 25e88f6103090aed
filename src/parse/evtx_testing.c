/* The writer of event logs for tests; the reader's files say what each part means. */
#include "parse/evtx_testing.h"

#include "base/unpack.h"

void evtx_write_number(struct evtx_writer *w, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, v >>= 8)
        buf_char(&w->b, (char)(v & 255));
}

void evtx_write_set(struct evtx_writer *w, size_t at, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, v >>= 8)
        w->b.p[at + i] = (char)(v & 255);
}

void evtx_write_utf16(struct evtx_writer *w, const char *ascii)
{
    for (; *ascii; ascii++)
        evtx_write_number(w, (unsigned char)*ascii, 2);
}

void evtx_write_begin(struct evtx_writer *w)
{
    *w = (struct evtx_writer){0};
    buf_bytes(&w->b, "ElfChnk", 8);
    for (size_t i = 8; i < 512; i++)
        buf_char(&w->b, 0);
    evtx_write_set(w, 40, 128, 4);
}

void evtx_write_end(struct evtx_writer *w, bool pads)
{
    size_t end = w->b.n;
    evtx_write_set(w, 48, end, 4);
    evtx_write_set(w, 52, crc32_add(0, str_slice(buf_str(&w->b), 512, end)), 4);
    uint32_t crc = crc32_add(0, str_slice(buf_str(&w->b), 0, 120));
    evtx_write_set(w, 124, crc32_add(crc, str_slice(buf_str(&w->b), 128, 512)), 4);
    while (pads && w->b.n < EVTX_CHUNK_BYTES)
        buf_char(&w->b, 0);
}

void evtx_write_free(struct evtx_writer *w)
{
    buf_free(&w->b);
}

void evtx_write_record_begin(struct evtx_writer *w, uint64_t id)
{
    w->record = w->b.n;
    evtx_write_number(w, 0x2a2a, 4);
    evtx_write_number(w, 0, 4);
    evtx_write_number(w, id, 8);
    evtx_write_number(w, 0, 8);
    evtx_write_number(w, 0x0001010f, 4); /* fragment header */
}

void evtx_write_record_end(struct evtx_writer *w)
{
    evtx_write_number(w, 0, 1); /* end of the fragment */
    while ((w->b.n - w->record + 4) % 8)
        evtx_write_number(w, 0, 1);
    size_t size = w->b.n - w->record + 4;
    evtx_write_number(w, size, 4);
    evtx_write_set(w, w->record + 4, size, 4);
}

void evtx_write_name(struct evtx_writer *w, const char *name)
{
    uint32_t hash = 0;
    for (const char *c = name; *c; c++)
        hash = hash * 65599 + (unsigned char)*c;
    evtx_write_number(w, w->b.n + 4, 4);
    evtx_write_number(w, 0, 4);
    evtx_write_number(w, hash & 0xFFFF, 2);
    evtx_write_number(w, strlen(name), 2);
    evtx_write_utf16(w, name);
    evtx_write_number(w, 0, 2);
}

void evtx_write_element(struct evtx_writer *w, const char *name, bool has_attributes)
{
    evtx_write_number(w, has_attributes ? 0x41 : 0x01, 1);
    evtx_write_number(w, 0xFFFF, 2);
    evtx_write_number(w, 0, 4);
    evtx_write_name(w, name);
    if (has_attributes)
        evtx_write_number(w, 0, 4);
}

void evtx_write_text(struct evtx_writer *w, const char *value)
{
    evtx_write_number(w, 0x05, 1);
    evtx_write_number(w, 0x01, 1);
    evtx_write_number(w, strlen(value), 2);
    evtx_write_utf16(w, value);
}

void evtx_write_attribute(struct evtx_writer *w, const char *name, const char *value)
{
    evtx_write_number(w, 0x06, 1);
    evtx_write_name(w, name);
    if (value)
        evtx_write_text(w, value);
}

void evtx_write_substitution(struct evtx_writer *w, unsigned index, bool is_optional)
{
    evtx_write_number(w, is_optional ? 0x0e : 0x0d, 1);
    evtx_write_number(w, index, 2);
    evtx_write_number(w, 0, 1);
}

void evtx_write_template_again(struct evtx_writer *w, size_t place)
{
    evtx_write_number(w, 0x0c, 1);
    evtx_write_number(w, 1, 1);
    evtx_write_number(w, 7, 4);
    evtx_write_number(w, place, 4);
}

size_t evtx_write_template_begin(struct evtx_writer *w)
{
    size_t place = w->b.n + 10;
    evtx_write_template_again(w, place);
    for (size_t i = 0; i < 24; i++)
        evtx_write_number(w, 0, 1);
    evtx_write_number(w, 0x0001010f, 4);
    return place;
}

void evtx_write_template_end(struct evtx_writer *w, size_t place)
{
    evtx_write_number(w, 0, 1);
    evtx_write_set(w, place + 20, w->b.n - place - 24, 4);
}

void evtx_write_values(struct evtx_writer *w, const struct evtx_given *values, uint32_t count)
{
    evtx_write_number(w, count, 4);
    for (uint32_t i = 0; i < count; i++) {
        evtx_write_number(w, values[i].size, 2);
        evtx_write_number(w, values[i].type, 2);
    }
    for (uint32_t i = 0; i < count; i++)
        buf_bytes(&w->b, values[i].bytes, values[i].size);
}
