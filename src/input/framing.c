/* Framing: bytes of a stream become records. Input stage: reads what syslog_tcp.c received, leaves records in
 * its batcher. Pure: no sockets, no clock.
 *
 *   at the start of a message                      the message is
 *   ────────────────────────────────────────────   ────────────────────────────────────────────
 *   1–8 digits (no leading 0), a space, and the    counted
 *     message before was counted or '<' follows
 *   the same, but something else follows           counted if the counted bytes hold no line end and
 *                                                    a line end, '<', another count or silence is
 *                                                    behind them; else a line ("3 users logged in")
 *   digits that are no count, a space, '<'; or     a line, flagged RECORD_BAD_FRAMING; at its end the
 *     behind a counted message neither count         stream is in step again
 *     nor '<'
 *   anything else                                  a line: up to LF or NUL, CR before it removed
 *
 * RFC 6587 3.4.1: MSG-LEN = NONZERO-DIGIT *DIGIT; 3.4.2: LF, some senders NUL. Empty lines are not records:
 * they also are what a sender leaves that puts a line end behind a counted message. */
#include "input/framing.h"

#include "base/memory.h"
#include "event/batch.h"

#define COUNT_DIGITS_MAX 8

void framing_init(struct framing *f, size_t max_message)
{
    if (max_message < 64)
        max_message = 64;
    if (max_message > FRAMING_LARGEST_MAX_MESSAGE)
        max_message = FRAMING_LARGEST_MAX_MESSAGE;
    *f = (struct framing){.max_message = max_message};
}

void framing_free(struct framing *f)
{
    buf_free(&f->carry);
}

/* First LF or NUL in [from, to), or STR_NOT_FOUND. */
static size_t find_line_end(struct str in, size_t from, size_t to)
{
    if (to > in.n)
        to = in.n;
    if (from >= to)
        return STR_NOT_FOUND;
    const char *line_feed = memchr(in.p + from, '\n', to - from);
    size_t until = line_feed ? (size_t)(line_feed - in.p) : to;
    const char *zero = memchr(in.p + from, '\0', until - from);
    if (zero)
        return (size_t)(zero - in.p);
    return line_feed ? until : STR_NOT_FOUND;
}

enum shape { SHAPE_MORE, SHAPE_COUNTED, SHAPE_LINE, SHAPE_BAD_LINE };

struct count {
    size_t digits; /* how many digits there are, at most COUNT_DIGITS_MAX + 1 */
    uint64_t value;
};

static struct count read_count(struct str in)
{
    struct count c = {0};
    while (c.digits < in.n && c.digits <= COUNT_DIGITS_MAX && ascii_is_digit(in.p[c.digits]))
        c.value = c.value * 10 + (uint64_t)(in.p[c.digits++] - '0');
    return c;
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\0' || c == '\r';
}

/* What follows the bytes of a message that might be counted: does a message start there? */
static enum shape judge_behind(struct str behind, bool is_end)
{
    char c = behind.p[0];
    if (is_line_end(c) || c == '<')
        return SHAPE_COUNTED;
    struct count next = read_count(behind);
    if (next.digits == 0 || next.digits > COUNT_DIGITS_MAX || c == '0')
        return SHAPE_LINE;
    if (next.digits == behind.n)
        return is_end ? SHAPE_LINE : SHAPE_MORE;
    return behind.p[next.digits] == ' ' ? SHAPE_COUNTED : SHAPE_LINE;
}

static enum shape judge_ambiguous(const struct framing *f, struct str payload, uint64_t count, bool is_end)
{
    if (count > f->max_message || find_line_end(payload, 0, (size_t)count) != STR_NOT_FOUND)
        return SHAPE_LINE;
    if (payload.n < count)
        return is_end ? SHAPE_LINE : SHAPE_MORE;
    if (payload.n == count)
        return is_end || f->is_settled ? SHAPE_COUNTED : SHAPE_MORE;
    return judge_behind(str_skip(payload, (size_t)count), is_end);
}

/* Digits and a space stand there that cannot be a count. */
static enum shape judge_no_count(const struct framing *f, struct str in, bool is_end)
{
    size_t n = 0;
    while (n < in.n && n < 24 && ascii_is_digit(in.p[n]))
        n++;
    if (n + 1 >= in.n && n < 24 && (n == in.n || in.p[n] == ' ') && !is_end)
        return SHAPE_MORE;
    bool looks_counted = n + 1 < in.n && in.p[n] == ' ' && in.p[n + 1] == '<';
    return looks_counted || f->was_counted ? SHAPE_BAD_LINE : SHAPE_LINE;
}

static enum shape judge(const struct framing *f, struct str in, bool is_end, struct count *count)
{
    *count = read_count(in);
    if (count->digits == 0)
        return f->was_counted && in.p[0] != '<' && !is_line_end(in.p[0]) ? SHAPE_BAD_LINE : SHAPE_LINE;
    if (in.p[0] == '0' || count->digits > COUNT_DIGITS_MAX || count->value > FRAMING_LARGEST_MAX_MESSAGE)
        return judge_no_count(f, in, is_end);
    size_t space = count->digits;
    if (space == in.n)
        return !is_end ? SHAPE_MORE : f->was_counted ? SHAPE_BAD_LINE : SHAPE_LINE;
    if (in.p[space] != ' ')
        return f->was_counted ? SHAPE_BAD_LINE : SHAPE_LINE;
    if (f->was_counted)
        return SHAPE_COUNTED;
    struct str payload = str_skip(in, space + 1);
    if (payload.n == 0)
        return is_end ? SHAPE_LINE : SHAPE_MORE;
    return payload.p[0] == '<' ? SHAPE_COUNTED : judge_ambiguous(f, payload, count->value, is_end);
}

/* Each take_… returns the bytes it used up; 0 = the message is not complete yet. */

static size_t take_counted(struct framing *f, struct str in, struct count count, bool is_end,
                           framing_emit *emit, void *context)
{
    struct str payload = str_skip(in, count.digits + 1);
    size_t kept = count.value < f->max_message ? (size_t)count.value : f->max_message;
    uint16_t flags = count.value > kept ? RECORD_CUT : 0;
    if (payload.n < kept) {
        if (!is_end)
            return 0;
        kept = payload.n;
        flags = RECORD_BAD_FRAMING;
    } else {
        f->skip_octets = count.value - kept;
        f->cut_bytes += f->skip_octets;
    }
    if (kept > 0)
        emit(context, str_slice(payload, 0, kept), flags);
    f->was_counted = true;
    return count.digits + 1 + kept;
}

static size_t emit_line(struct framing *f, struct str line, uint16_t flags, framing_emit *emit, void *context)
{
    size_t used = line.n;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n > f->max_message) {
        f->cut_bytes += line.n - f->max_message;
        line.n = f->max_message;
        flags |= RECORD_CUT;
    }
    if (line.n > 0) {
        emit(context, line, flags);
        f->was_counted = false;
    }
    return used;
}

static size_t take_line(struct framing *f, struct str in, uint16_t flags, bool is_end, framing_emit *emit,
                        void *context)
{
    size_t longest = f->max_message + 2; /* with CR and line end */
    size_t end = find_line_end(in, f->scanned, longest);
    if (end != STR_NOT_FOUND)
        return emit_line(f, str_slice(in, 0, end), flags, emit, context) + 1;
    if (in.n < longest) {
        f->scanned = in.n;
        return is_end ? emit_line(f, in, flags, emit, context) : 0;
    }
    emit(context, str_slice(in, 0, f->max_message), flags | RECORD_CUT);
    f->was_counted = false;
    f->skips_line = true;
    return f->max_message;
}

static size_t take_skipped(struct framing *f, struct str in)
{
    if (f->skip_octets > 0) {
        size_t n = f->skip_octets < in.n ? (size_t)f->skip_octets : in.n;
        f->skip_octets -= n;
        return n;
    }
    size_t end = find_line_end(in, 0, in.n);
    f->skips_line = end == STR_NOT_FOUND;
    size_t rest = f->skips_line ? in.n : end;
    f->cut_bytes += rest;
    return f->skips_line ? in.n : end + 1;
}

static size_t take_message(struct framing *f, struct str in, bool is_end, framing_emit *emit, void *context)
{
    struct count count;
    if (f->skip_octets > 0 || f->skips_line)
        return take_skipped(f, in);
    switch (judge(f, in, is_end, &count)) {
    case SHAPE_COUNTED:
        return take_counted(f, in, count, is_end, emit, context);
    case SHAPE_LINE:
        return take_line(f, in, 0, is_end, emit, context);
    case SHAPE_BAD_LINE:
        return take_line(f, in, RECORD_BAD_FRAMING, is_end, emit, context);
    case SHAPE_MORE:
        break;
    }
    return 0;
}

/* Takes whole messages off the front; returns the bytes used. */
static size_t take_all(struct framing *f, struct str in, bool is_end, framing_emit *emit, void *context)
{
    size_t at = 0;
    while (at < in.n) {
        size_t used = take_message(f, str_skip(in, at), is_end, emit, context);
        if (used == 0)
            break;
        at += used;
        f->scanned = 0;
    }
    return at;
}

static void drop_front(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    b->n -= n;
    if (b->n > 0)
        memmove(b->p, b->p + n, b->n);
}

/* How much of `bytes` to put behind the carry: what completes its message, if that can be told, so that all
 * further messages are read where they are instead of being copied. */
static size_t piece(const struct framing *f, struct str bytes)
{
    struct count c = read_count(buf_str(&f->carry));
    bool is_counted = f->was_counted && c.digits > 0 && c.digits < f->carry.n &&
                      f->carry.p[c.digits] == ' ' && c.digits <= COUNT_DIGITS_MAX;
    if (is_counted) {
        uint64_t whole = c.digits + 1 + c.value;
        uint64_t missing = whole > f->carry.n ? whole - f->carry.n : 1;
        return missing < bytes.n ? (size_t)missing : bytes.n;
    }
    size_t end = find_line_end(bytes, 0, bytes.n);
    return end == STR_NOT_FOUND ? bytes.n : end + 1;
}

void framing_feed(struct framing *f, struct str bytes, framing_emit *emit, void *context)
{
    while (f->carry.n > 0 && bytes.n > 0) {
        size_t n = piece(f, bytes);
        buf_add(&f->carry, str_slice(bytes, 0, n));
        bytes = str_skip(bytes, n);
        drop_front(&f->carry, take_all(f, buf_str(&f->carry), false, emit, context));
    }
    if (bytes.n == 0)
        return;
    size_t used = take_all(f, bytes, false, emit, context);
    buf_add(&f->carry, str_skip(bytes, used));
}

void framing_settle(struct framing *f, framing_emit *emit, void *context)
{
    f->is_settled = true;
    drop_front(&f->carry, take_all(f, buf_str(&f->carry), false, emit, context));
    f->is_settled = false;
}

/* Counts bytes and flags of a last line that we cut off ourselves. */
struct broken_end {
    framing_emit *emit;
    void *context;
};

static void emit_broken(void *context, struct str raw, uint16_t flags)
{
    const struct broken_end *b = context;
    b->emit(b->context, raw, flags | RECORD_BAD_FRAMING);
}

void framing_end(struct framing *f, bool is_broken, framing_emit *emit, void *context)
{
    struct broken_end broken = {emit, context};
    struct str rest = buf_str(&f->carry);
    if (is_broken)
        take_all(f, rest, true, emit_broken, &broken);
    else
        take_all(f, rest, true, emit, context);
    buf_clear(&f->carry);
    f->scanned = 0;
    f->skip_octets = 0;
    f->skips_line = f->was_counted = false;
}
