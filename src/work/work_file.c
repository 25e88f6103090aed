/* Files of evidence: those that people bring (images of disks, memory, captured packets, mails, samples of
 * malware), and their way out again, as octets that nothing opens by itself. Next: work_custody.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "incident/incident.h"
#include "report/zip.h"
#include "work/work_custody.h"

#define ROOM_LEFT_BYTES ((uint64_t)512 << 20) /* of the disk, for journal and store */

/* ------------------------------------------------------------------ coming in */

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f || name.p[i] == '/')
            return false;
    return name.n > 0;
}

static bool check_file(struct casework *c, const struct console_upload *file)
{
    struct str expected = work_value(c, "sha256");
    if (!is_name(work_value(c, "name")))
        return work_refuse(c, 400, "\"name\" is the name of the file, without folders.",
                           "「name」にはフォルダーを含まないファイル名を指定してください。");
    if (!evidence_is_hex(expected, 64))
        return work_refuse(c, 400, "\"sha256\" has 64 hexadecimal digits.", "「sha256」は16進64桁です。");
    if (file->bytes == 0)
        return work_refuse(c, 400, "The file is empty: send its bytes as the body.",
                           "ファイルが空です。本文にファイルの内容を送ってください。");
    return expected.n == 0 || str_eq_nocase(expected, str_c(file->sha256)) ||
           work_refuse(
               c, 409,
               "The file that came has another SHA-256 than was announced; it was not taken in. Send it "
               "again, or look at the original.",
               "届いたファイルのSHA-256が申告値と異なるため受け入れませんでした。送り直すか、原本を確認して"
               "ください。");
}

/* The same bytes are one item of an incident. */
static bool is_new(struct casework *c, struct str location)
{
    struct work_rows items;
    if (!work_rows_of(c, WORK_EVIDENCE, c->q->id, &items))
        return false;
    for (uint32_t i = 0; i < items.count; i++) {
        const struct work_row *item = &items.rows[i];
        if (!str_eq(item->values[EVIDENCE_LOCATION], location) || work_number(item, EVIDENCE_DISPOSED) != 0)
            continue;
        c->failure->status = 409;
        error_set(&c->failure->en, "This file is in the evidence of the incident already: item %.*s.",
                  STR_ARGS(item->values[EVIDENCE_NUMBER]));
        return error_set(&c->failure->ja, "同じファイルがすでに証拠 %.*s として登録されています。",
                         STR_ARGS(item->values[EVIDENCE_NUMBER]));
    }
    return true;
}

/* Within the transaction, whose lock disposal takes too: a file is not removed while another item takes it.
 */
static bool move_in(struct casework *c, const struct console_upload *file, struct str location)
{
    struct error err;
    const char *path = evidence_path(c, location).p;
    const char *folder = arena_printf(c->arena, "%s/evidence", c->s->data_dir).p;
    if (rename(file->path, path) != 0) {
        error_errno(&err, "cannot move the file to %s", path);
        return work_fail(c, 503, &err);
    }
    return file_sync_folder(folder, &err) || work_fail(c, 503, &err);
}

static void describe(struct casework *c, const struct console_upload *file, struct work_row *row)
{
    struct str name = work_value(c, "name"), said = work_value(c, "description");
    work_take_members(c, WORK_EVIDENCE, row);
    row->values[EVIDENCE_INCIDENT] = work_text_of((int64_t)c->q->id, c->arena);
    if (!work_given(c, "type"))
        row->values[EVIDENCE_TYPE] = STR("file");
    if (!work_given(c, "purpose"))
        row->values[EVIDENCE_PURPOSE] = STR("examination");
    row->values[EVIDENCE_DESCRIPTION] =
        said.n ? arena_printf(c->arena, "%.*s (%.*s)", STR_ARGS(said), STR_ARGS(name)) : name;
    if (!work_given(c, "acquired"))
        row->values[EVIDENCE_ACQUIRED] = work_text_of(c->now_ns, c->arena);
    if (work_value(c, "acquired_by").n == 0)
        row->values[EVIDENCE_ACQUIRED_BY] = c->actor;
    row->values[EVIDENCE_SHA256] = arena_str(c->arena, str_c(file->sha256));
    row->values[EVIDENCE_SIZE] = work_text_of((int64_t)file->bytes, c->arena);
    row->values[EVIDENCE_LOCATION] = evidence_location(c, row->values[EVIDENCE_SHA256]);
    row->values[EVIDENCE_HOLDER] = row->values[EVIDENCE_ENTERED_BY] = c->actor;
    row->values[EVIDENCE_ENTERED] = work_text_of(c->now_ns, c->arena);
}

/* Item, first entry of its chain and entry of the record are one transaction; the file is on disk before. */
bool work_post_evidence_file(struct casework *c)
{
    struct incident incident = {0};
    struct work_row row = {0};
    static const struct console_upload nothing = {0};
    const struct console_upload *file = c->q->upload ? c->q->upload : &nothing;
    if (!work_incident(c, c->q->id, &incident) || !check_file(c, file))
        return false;
    describe(c, file, &row);
    if (!work_begin(c))
        return false;
    bool ok = is_new(c, row.values[EVIDENCE_LOCATION]) && move_in(c, file, row.values[EVIDENCE_LOCATION]) &&
              evidence_number(c, incident.id, &row.values[EVIDENCE_NUMBER]) &&
              work_add(c, WORK_EVIDENCE, &row) &&
              evidence_take_in(c, &row, STR("file taken in / ファイルを受け入れた"));
    struct deed deed =
        work_deed(c, "observe", incident.id, "evidence", row.id, row.values[EVIDENCE_DESCRIPTION]);
    c->answer->status = 201;
    return work_end(c, ok, &deed) && work_answer_row(c, WORK_EVIDENCE, &row);
}

/* ---------------------------------------------------------------- giving out */

static bool is_what_it_was(struct casework *c, int fd, const struct work_row *item)
{
    unsigned char hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    struct error err;
    if (!sha256_of_file(fd, hash, &c->answer->file_bytes)) {
        error_errno(&err, "cannot read the file of the evidence");
        return work_fail(c, 503, &err);
    }
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    return str_eq_nocase(str_c(hex), item->values[EVIDENCE_SHA256]) ||
           work_refuse(c, 409,
                       "The file is not what was taken in: its SHA-256 is another. Run \"hyakuyo verify\".",
                       "ファイルが取得時と異なります(SHA-256不一致)。「hyakuyo verify」を実行してください。");
}

/* A file without a name, gone with its last user. -1: with the failure set. */
static int open_scratch(struct casework *c)
{
    struct error err;
    size_t room = strlen(c->s->data_dir) + sizeof "/evidence/out-XXXXXX";
    char *path = ARENA_ARRAY(c->arena, char, room);
    snprintf(path, room, "%s/evidence/out-XXXXXX", c->s->data_dir);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        error_errno(&err, "cannot write in %s/evidence", c->s->data_dir);
        work_fail(c, 503, &err);
        return -1;
    }
    unlink(path);
    return fd;
}

static bool has_room(struct casework *c, int fd, uint64_t bytes)
{
    struct statvfs disk;
    if (fstatvfs(fd, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize > bytes + ROOM_LEFT_BYTES)
        return true;
    return work_refuse(
        c, 507, "There is no room on the server's disk to pack the file; make room, or fetch it as it is.",
        "サーバーのディスクに空きがなく、ZIP を作成できません。空きを作るか、元のまま取得してください。");
}

/* What the answer gives out becomes a ZIP around it. */
static bool pack(struct casework *c, const struct work_row *item)
{
    struct error err;
    struct stat packed;
    struct casework_answer *answer = c->answer;
    int out = open_scratch(c);
    struct zip_file file = {.in = answer->file,
                            .out = out,
                            .name = answer->file_name,
                            .bytes = answer->file_bytes,
                            .password = c->s->evidence_password,
                            .time_ns = work_number(item, EVIDENCE_ENTERED)};
    if (out < 0)
        return false;
    bool ok = has_room(c, out, file.bytes) && (zip_file_encrypted(&file, &err) || work_fail(c, 503, &err));
    if (!ok || fstat(out, &packed) != 0) {
        close(out);
        return ok &&
               work_refuse(c, 503, "The ZIP could not be read back.", "作成した ZIP を読み戻せません。");
    }
    close(answer->file);
    answer->file = out;
    answer->file_bytes = (uint64_t)packed.st_size;
    answer->file_name = arena_printf(c->arena, "%.*s.zip", (int)strlen(file.name) - 4, file.name).p;
    return true;
}

/* The item's file, once it is what was taken in. */
static bool open_file(struct casework *c, const struct work_row *item)
{
    struct error err;
    struct str path = evidence_path(c, item->values[EVIDENCE_LOCATION]);
    if (path.n == 0 || work_number(item, EVIDENCE_DISPOSED) != 0)
        return work_refuse(c, 404, "The item lies elsewhere, or was disposed of; see its location.",
                           "この証拠のファイルはここにありません(保管場所を参照、または廃棄済み)。");
    c->answer->file = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (c->answer->file <= 0) {
        error_errno(&err, "cannot read %s", path.p);
        c->answer->file = 0;
        return work_fail(c, 503, &err);
    }
    c->answer->file_name = arena_printf(c->arena, "%.*s-%.12s.bin", STR_ARGS(item->values[EVIDENCE_NUMBER]),
                                        item->values[EVIDENCE_SHA256].p)
                               .p;
    return is_what_it_was(c, c->answer->file, item);
}

/* The bytes of an item that lies here, as they are or in a ZIP that a password opens; who takes them stands
 * in the log. */
bool work_get_evidence_file(struct casework *c)
{
    struct incident incident = {0};
    struct work_row item;
    bool as_zip = str_eq(work_value(c, "as"), STR("zip"));
    struct str what =
        as_zip ? STR("file given out as a ZIP with a password / ファイルをパスワード付きZIPで渡した")
               : STR("file given out / ファイルを渡した");
    if (!work_incident(c, c->q->id, &incident) || !work_row_of(c, WORK_EVIDENCE, c->q->item, c->q->id, &item))
        return false;
    if (open_file(c, &item) && (!as_zip || pack(c, &item)) &&
        evidence_note_access(c, incident.id, &item, what))
        return true;
    if (c->answer->file)
        close(c->answer->file);
    c->answer->file = 0;
    return false;
}
