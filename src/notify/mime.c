/* Composes mails (stage notify). Next: transport.c sends them. */
#include "notify/mime.h"

#include "base/base64.h"
#include "base/sha256.h"

#define WORD_MAX 75 /* RFC 2047, 2 */
#define LINE_MAX 76

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] >= 0x7f || (unsigned char)text.p[i] < 0x20)
            return false;
    /* "=?" could be read as an encoded word; a longer line would have to be folded */
    return text.n <= 200 && !str_contains(text, STR("=?"));
}

static struct str clean(struct str text, struct buf *room)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        buf_char(room, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
    return buf_str(room);
}

void mime_header_text(struct str text, size_t used, struct buf *out)
{
    struct buf room = {0};
    text = clean(text, &room);
    if (is_plain(text)) {
        buf_add(out, text);
        buf_free(&room);
        return;
    }
    static const size_t around = 12; /* =?UTF-8?B? and ?= */
    bool is_first = true;
    while (text.n) {
        size_t taken = 0, room_left = (is_first && used < 40 ? WORD_MAX - used : WORD_MAX) - around;
        size_t most = room_left / 4 * 3; /* bytes that base64 makes fit */
        while (taken < text.n) {
            size_t n = str_utf8_length(str_skip(text, taken));
            n = n ? n : 1;
            if (taken + n > most)
                break;
            taken += n;
        }
        buf_c(out, is_first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        base64_encode(out, str_slice(text, 0, taken));
        buf_c(out, "?=");
        text = str_skip(text, taken);
        is_first = false;
    }
    buf_free(&room);
}

/* "名前 <a@b>": the name is encoded, the address is not. */
static void put_address(struct str address, size_t used, struct buf *out)
{
    size_t open = str_find_last_char(address, '<');
    struct str name =
        open == STR_NOT_FOUND ? STR_EMPTY : str_trim_chars(str_trim(str_slice(address, 0, open)), "\"");
    struct buf room = {0};
    if (name.n == 0) {
        buf_add(out, clean(address, &room));
    } else {
        bool quotes = is_plain(name);
        if (quotes)
            buf_char(out, '"');
        for (size_t i = 0; quotes && i < name.n; i++) {
            if (name.p[i] == '"' || name.p[i] == '\\')
                buf_char(out, '\\');
            buf_char(out, name.p[i]);
        }
        if (quotes)
            buf_char(out, '"');
        else
            mime_header_text(name, used, out);
        buf_c(out, quotes ? " " : "\r\n ");
        buf_add(out, clean(str_skip(address, open), &room));
    }
    buf_free(&room);
}

static void put_date(int64_t time_ns, const struct zone *zone, struct buf *out)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t seconds = time_ns / NS_PER_SECOND, year;
    int32_t offset = zone_offset_at_utc(zone, seconds);
    int64_t local = seconds + offset, day = local / 86400;
    unsigned month, of_month, of_day = (unsigned)(local % 86400);
    int minutes = (offset < 0 ? -offset : offset) / 60;
    days_to_civil(day, &year, &month, &of_month);
    buf_printf(out, "%s, %u %s %lld %02u:%02u:%02u %c%02d%02d", days[day % 7], of_month, months[month - 1],
               (long long)year, of_day / 3600, of_day / 60 % 60, of_day % 60, offset < 0 ? '-' : '+',
               minutes / 60, minutes % 60);
}

static void put_base64_lines(struct str bytes, struct buf *out)
{
    const size_t each = LINE_MAX / 4 * 3;
    for (size_t at = 0; at < bytes.n; at += each) {
        base64_encode(out, str_slice(bytes, at, at + each));
        buf_c(out, "\r\n");
    }
}

/* RFC 2231: a name in UTF-8. */
static void put_file_name(struct str name, struct buf *out)
{
    buf_c(out, "filename*=UTF-8''");
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool plain = ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' ||
                     c == '.' || c == '_';
        if (plain)
            buf_char(out, c);
        else
            buf_printf(out, "%%%02X", (unsigned char)c);
    }
}

static void put_text_part(struct str text, struct buf *out)
{
    buf_c(out, "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    put_base64_lines(text, out);
}

/* A border that depends on the mail alone, so that the same mail is the same bytes. Base64 never has "=_". */
static void make_border(const struct mail *m, char border[40])
{
    unsigned char hash[SHA256_BYTES];
    struct buf text = {0};
    hmac_sha256(STR("border of parts"), m->id, hash);
    buf_c(&text, "=_");
    for (size_t i = 0; i < 12; i++)
        buf_printf(&text, "%02x", hash[i]);
    memcpy(border, buf_cstr(&text), text.n + 1);
    buf_free(&text);
}

static void put_parts(const struct mail *m, struct buf *out)
{
    char border[40];
    make_border(m, border);
    buf_printf(out, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n", border, border);
    put_text_part(m->text, out);
    for (uint32_t i = 0; i < m->attachment_count; i++) {
        const struct mail_attachment *a = &m->attachments[i];
        buf_printf(out, "--%s\r\nContent-Type: %.*s\r\nContent-Transfer-Encoding: base64\r\n", border,
                   STR_ARGS(a->type));
        buf_c(out, "Content-Disposition: attachment; ");
        put_file_name(a->name, out);
        buf_c(out, "\r\n\r\n");
        put_base64_lines(a->bytes, out);
    }
    buf_printf(out, "--%s--\r\n", border);
}

void mime_compose(const struct mail *m, struct buf *out)
{
    buf_c(out, "Date: ");
    put_date(m->time_ns, m->zone, out);
    buf_c(out, "\r\nFrom: ");
    put_address(m->from, 6, out);
    buf_c(out, "\r\nTo: ");
    put_address(m->to, 4, out);
    buf_c(out, "\r\nSubject: ");
    mime_header_text(m->subject, 9, out);
    buf_printf(out, "\r\nMessage-ID: <%.*s>\r\n", STR_ARGS(m->id));
    if (m->thread.n)
        buf_printf(out, "References: <%.*s>\r\n", STR_ARGS(m->thread));
    buf_c(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
    if (m->attachment_count)
        put_parts(m, out);
    else
        put_text_part(m->text, out);
}
