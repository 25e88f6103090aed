/* Reads content/authority.yml (stage incident), proves its samples, and applies the rules of signing. */
#include "incident/authority.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"

struct authority {
    struct arena arena;
    struct str version;
    int64_t decision_minutes, emergency_hours;
    struct authority_role *roles;
    struct authority_row *rows;
    uint32_t role_count, row_count;
};

struct reader {
    const char *path;
    struct error *err;
    struct authority *authority;
};

static bool complain(const struct reader *r, const struct yaml *at, const char *what)
{
    return error_at(r->err, r->path, at ? at->line : 1, at ? at->column : 1, "%s", what);
}

/* --------------------------------------------------------------- reading */

static bool read_titles(const struct reader *r, const struct yaml *node, struct str *en, struct str *ja)
{
    const struct yaml *title = yaml_get(node, "title");
    *en = yaml_text(title, "en");
    *ja = yaml_text(title, "ja");
    return (en->n && ja->n) ||
           complain(r, node, tr("'title' needs en and ja", "'title' には en と ja が必要です"));
}

static bool read_roles(const struct reader *r, const struct yaml *map)
{
    struct authority *a = r->authority;
    if (map == NULL || map->type != YAML_MAP || map->count == 0)
        return complain(r, map, tr("'roles' must be a map", "'roles' は対応表にしてください"));
    a->roles = ARENA_ARRAY(&a->arena, struct authority_role, map->count);
    for (const struct yaml *at = map->child; at != NULL; at = at->next) {
        struct authority_role *role = &a->roles[a->role_count++];
        role->id = at->key;
        role->account = yaml_text(at, "account");
        if (role->account.n == 0)
            return complain(r, at, tr("a role needs 'account'", "役割には 'account' が必要です"));
        if (!read_titles(r, at, &role->title_en, &role->title_ja))
            return false;
    }
    return true;
}

static bool read_list(const struct reader *r, const struct yaml *list, bool are_roles,
                      struct str out[AUTHORITY_SIGNERS_MAX], uint32_t *count)
{
    if (list != NULL && (list->type != YAML_LIST || list->count > AUTHORITY_SIGNERS_MAX))
        return complain(r, list, tr("at most four names go here", "ここに書けるのは 4 件までです"));
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next) {
        if (are_roles && authority_role(r->authority, at->text) == NULL)
            return error_at(r->err, r->path, at->line, at->column,
                            tr("there is no role '%.*s'", "役割「%.*s」はありません"), STR_ARGS(at->text));
        out[(*count)++] = at->text;
    }
    return true;
}

static bool read_row(const struct reader *r, const struct yaml *node, struct authority_row *row)
{
    const struct yaml *pre = yaml_get(node, "preauthorised");
    row->action = yaml_text(node, "action");
    row->scope = yaml_text(node, "scope");
    row->urgency_least = (int)yaml_int(node, "urgency_least", 1);
    row->subject = yaml_text(node, "subject");
    row->needs_check = yaml_bool(node, "check", false);
    row->is_containment = yaml_bool(node, "containment", false);
    row->hours = yaml_int(node, "hours", 0);
    row->confidence_least = (int)yaml_int(pre, "confidence_least", 0);
    row->importance_most = (int)yaml_int(pre, "importance_most", 4);
    if (row->action.n == 0 || row->scope.n == 0 || row->hours < 1 || row->hours > 24 * 366)
        return complain(r, node,
                        tr("a row needs action, scope and 'hours' from 1 to 8784",
                           "行には action、scope と 1〜8784 の 'hours' が必要です"));
    if (row->urgency_least < 1 || row->urgency_least > 4 || row->confidence_least < 0 ||
        row->confidence_least > 4)
        return complain(r, node,
                        tr("urgency_least and confidence_least are levels from 1 to 4",
                           "urgency_least と confidence_least は 1〜4 の段階です"));
    if (!read_titles(r, node, &row->title_en, &row->title_ja) ||
        !read_list(r, yaml_get(node, "approvers"), true, row->approvers, &row->approver_count) ||
        !read_list(r, yaml_get(node, "notice"), false, row->notices, &row->notice_count))
        return false;
    return row->approver_count > 0 ||
           complain(r, node, tr("a row needs approvers", "行には approvers が必要です"));
}

static bool read_rows(const struct reader *r, const struct yaml *list)
{
    struct authority *a = r->authority;
    if (list == NULL || list->type != YAML_LIST)
        return complain(r, list, tr("'rows' must be a list", "'rows' は列にしてください"));
    a->rows = ARENA_ARRAY(&a->arena, struct authority_row, list->count + 1);
    for (const struct yaml *at = list->child; at != NULL; at = at->next)
        if (!read_row(r, at, &a->rows[a->row_count++]))
            return false;
    return true;
}

/* --------------------------------------------------------------- proving */

static bool approvers_are(const struct authority_row *row, const struct yaml *list)
{
    uint32_t at = 0;
    if (list == NULL || list->count != row->approver_count)
        return list == NULL;
    for (const struct yaml *name = list->child; name != NULL; name = name->next)
        if (!str_eq(row->approvers[at++], name->text))
            return false;
    return true;
}

static bool prove(const struct reader *r, const struct yaml *sample)
{
    const struct authority_row *row =
        authority_find(r->authority, yaml_text(sample, "action"), yaml_text(sample, "scope"),
                       (int)yaml_int(sample, "urgency", 1));
    bool pre = yaml_bool(sample, "preauthorised", false);
    if (row == NULL)
        return complain(r, sample, tr("no row answers this sample", "この見本に当たる行がありません"));
    if (!approvers_are(row, yaml_get(sample, "approvers")))
        return complain(r, sample, tr("other approvers than the sample expects", "承認者が見本と異なります"));
    if (authority_is_preauthorised(row, (int)yaml_int(sample, "confidence", 1),
                                   (int)yaml_int(sample, "importance", 1)) != pre)
        return complain(r, sample,
                        tr("it is pre-authorised otherwise than the sample expects",
                           "事前承認の有無が見本と異なります"));
    return true;
}

static bool read(const struct reader *r, const struct yaml *top)
{
    struct authority *a = r->authority;
    const struct yaml *samples = yaml_get(top, "samples");
    a->version = yaml_text(top, "version");
    a->decision_minutes = yaml_int(top, "decision_minutes", 0);
    a->emergency_hours = yaml_int(top, "emergency_hours", 0);
    if (a->version.n == 0 || a->decision_minutes < 1 || a->decision_minutes > 1440 ||
        a->emergency_hours < 1 || a->emergency_hours > 24)
        return complain(r, top,
                        tr("it needs version, decision_minutes (1-1440) and emergency_hours (1-24)",
                           "version、decision_minutes(1〜1440)、emergency_hours(1〜24)が必要です"));
    if (!read_roles(r, yaml_get(top, "roles")) || !read_rows(r, yaml_get(top, "rows")))
        return false;
    for (const struct yaml *at = samples ? samples->child : NULL; at != NULL; at = at->next)
        if (!prove(r, at))
            return false;
    return samples != NULL ||
           complain(r, top, tr("samples that prove it are missing", "見本(samples)がありません"));
}

struct authority *authority_load(const char *path, struct error *err)
{
    struct authority *a = NEW(struct authority);
    struct reader r = {path, err, a};
    arena_init(&a->arena, 16 << 10);
    const struct yaml *top = yaml_load(path, &a->arena, err);
    if (top != NULL && read(&r, top))
        return a;
    authority_free(a);
    return NULL;
}

void authority_free(struct authority *a)
{
    if (a == NULL)
        return;
    arena_free(&a->arena);
    memory_free(a);
}

/* ---------------------------------------------------------------- asking */

struct str authority_version(const struct authority *a)
{
    return a->version;
}

int64_t authority_decision_minutes(const struct authority *a)
{
    return a->decision_minutes;
}

int64_t authority_emergency_hours(const struct authority *a)
{
    return a->emergency_hours;
}

const struct authority_role *authority_roles(const struct authority *a, uint32_t *count)
{
    *count = a->role_count;
    return a->roles;
}

const struct authority_role *authority_role(const struct authority *a, struct str id)
{
    for (uint32_t i = 0; i < a->role_count; i++)
        if (str_eq(a->roles[i].id, id))
            return &a->roles[i];
    return NULL;
}

const struct authority_row *authority_rows(const struct authority *a, uint32_t *count)
{
    *count = a->row_count;
    return a->rows;
}

const struct authority_row *authority_find(const struct authority *a, struct str action, struct str scope,
                                           int urgency)
{
    const struct authority_row *best = NULL;
    for (uint32_t i = 0; i < a->row_count; i++) {
        const struct authority_row *row = &a->rows[i];
        if (str_eq(row->action, action) && str_eq(row->scope, scope) && row->urgency_least <= urgency &&
            (best == NULL || row->urgency_least > best->urgency_least))
            best = row;
    }
    return best;
}

bool authority_is_preauthorised(const struct authority_row *row, int confidence_level, int importance)
{
    return row->confidence_least > 0 && confidence_level >= row->confidence_least &&
           importance <= row->importance_most;
}

/* --------------------------------------------------------------- signing */

static enum authority_answer refuse(enum authority_answer answer, struct error *en, struct error *ja,
                                    const char *why_en, const char *why_ja)
{
    error_set(en, "%s", why_en);
    error_set(ja, "%s", why_ja);
    return answer;
}

static bool has_signed(const struct authority_case *c, struct str role)
{
    for (uint32_t i = 0; i < c->signature_count; i++)
        if (str_eq(c->signatures[i].role, role))
            return true;
    return false;
}

static bool has_user(const struct authority_case *c, struct str user)
{
    for (uint32_t i = 0; i < c->signature_count; i++)
        if (str_eq_nocase(c->signatures[i].user, user))
            return true;
    return false;
}

static bool is_among(struct str role, const struct str *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(list[i], role))
            return true;
    return false;
}

static bool find_role(const struct authority_row *row, const struct authority_case *c,
                      const struct str *roles, uint32_t count, struct str *role)
{
    for (uint32_t i = 0; i < row->approver_count; i++)
        if (!has_signed(c, row->approvers[i]) && is_among(row->approvers[i], roles, count)) {
            *role = row->approvers[i];
            return true;
        }
    return false;
}

enum authority_answer authority_sign(const struct authority_row *row, const struct authority_case *proposal,
                                     const struct authority_signer *signer, struct str *role,
                                     struct error *en, struct error *ja)
{
    struct str deputy_role;
    *role = STR_EMPTY;
    if (signer->is_outside)
        return refuse(AUTHORITY_FORBIDDEN, en, ja,
                      "an outside account proposes and never decides: the owner does (S156)",
                      "社外のアカウントは提案のみ可能です。判断は自組織で行います(S156)");
    if (str_eq_nocase(signer->user, proposal->proposer))
        return refuse(AUTHORITY_FORBIDDEN, en, ja, "nobody approves what they proposed themselves",
                      "起案者自身は承認できません");
    if (has_user(proposal, signer->user))
        return refuse(AUTHORITY_FORBIDDEN, en, ja,
                      "you have signed already; the other role is signed by somebody else",
                      "すでに署名済みです。もう一つの役割は別の人が署名してください");
    bool is_primary = find_role(row, proposal, signer->primary_of, signer->primary_count, role);
    bool is_deputy = find_role(row, proposal, signer->deputy_of, signer->deputy_count, &deputy_role);
    if (!is_primary && !is_deputy)
        return refuse(AUTHORITY_FORBIDDEN, en, ja, "you hold none of the roles that decide this",
                      "この件を判断する役割を持っていません");
    if (row->needs_check && proposal->checker.n == 0)
        return refuse(AUTHORITY_NOT_NOW, en, ja, "the proposal must be checked by somebody first",
                      "先に別の人の確認が必要です");
    if (!is_primary && !proposal->is_late)
        return refuse(AUTHORITY_NOT_NOW, en, ja,
                      "the deputy decides once the decision clock has run out; it is still running",
                      "代理は判断期限を過ぎてから承認できます。まだ期限内です");
    if (!is_primary)
        *role = deputy_role;
    return AUTHORITY_YES;
}

enum authority_answer authority_check(const struct authority_case *proposal,
                                      const struct authority_signer *signer, struct error *en,
                                      struct error *ja)
{
    if (signer->is_outside)
        return refuse(AUTHORITY_FORBIDDEN, en, ja, "an outside account cannot check a proposal (S156)",
                      "社外のアカウントは確認できません(S156)");
    if (str_eq_nocase(signer->user, proposal->proposer))
        return refuse(AUTHORITY_FORBIDDEN, en, ja, "nobody checks what they proposed themselves",
                      "起案者自身は確認できません");
    if (proposal->checker.n)
        return refuse(AUTHORITY_NOT_NOW, en, ja, "it has been checked already", "すでに確認済みです");
    return AUTHORITY_YES;
}

bool authority_is_complete(const struct authority_row *row, const struct authority_case *proposal)
{
    for (uint32_t i = 0; i < row->approver_count; i++)
        if (!has_signed(proposal, row->approvers[i]))
            return false;
    return true;
}
