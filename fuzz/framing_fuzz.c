/* Framing: any bytes, cut in any way. The first byte seeds how the stream is cut and how long a message may
 * be. Checked: the records do not depend on the cuts, none is longer than the limit, none is empty. */
#include "base/memory.h"
#include "event/batch.h"
#include "input/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct buf all; /* records with their flags */
    size_t most;
};

static void take(void *context, struct str raw, uint16_t flags)
{
    struct seen *s = context;
    BUG_IF(raw.n == 0 || raw.n > s->most);
    BUG_IF(flags & ~(RECORD_CUT | RECORD_BAD_FRAMING));
    buf_u64(&s->all, flags);
    buf_char(&s->all, ':');
    buf_u64(&s->all, raw.n);
    buf_char(&s->all, ':');
    buf_add(&s->all, raw);
}

static uint64_t run(struct str in, uint8_t how, bool is_cut, struct seen *s)
{
    struct framing f;
    uint32_t random = how;
    framing_init(&f, 64 + how % 64);
    s->most = f.max_message;
    while (in.n > 0) {
        random = random * 1664525 + 1013904223;
        size_t n = is_cut ? 1 + (random >> 16) % (how % 16 + 1) : in.n;
        framing_feed(&f, str_slice(in, 0, n), take, s);
        in = str_skip(in, n);
    }
    framing_end(&f, false, take, s);
    uint64_t cut = f.cut_bytes;
    framing_free(&f);
    return cut;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct seen whole = {0}, pieces = {0};
    struct str in = str_n((const char *)data + 1, size - 1);
    uint64_t cut_whole = run(in, data[0], false, &whole), cut_pieces = run(in, data[0], true, &pieces);
    BUG_IF(!str_eq(buf_str(&whole.all), buf_str(&pieces.all)));
    BUG_IF(cut_whole != cut_pieces);
    buf_free(&whole.all);
    buf_free(&pieces.all);
    return 0;
}
