/* One attempt at a message, and what became of it. Next: notifier_carry.c. */
#include <sys/random.h>

#include "base/log.h"
#include "notifier/notifier_internal.h"

#define PARTS_MOST 2000

static bool load_notices(struct notify_sending *x, struct error *err)
{
    struct notify_run *run = x->run;
    struct work_rows parts;
    int64_t notice = work_number(x->message, MESSAGE_NOTICE);
    if (notice != 0) {
        x->notices.rows = ARENA_NEW(run->arena, struct work_row);
        x->notices.count = 1;
        return state_work_get(run->s->state, WORK_NOTICE, (uint64_t)notice, run->arena, x->notices.rows, err);
    }
    if (!state_work_list(run->s->state, WORK_MESSAGE, MESSAGE_DIGEST,
                         work_text_of((int64_t)x->message->id, run->arena), PARTS_MOST, run->arena, &parts,
                         err))
        return false;
    x->notices.rows = ARENA_ARRAY(run->arena, struct work_row, parts.count + 1);
    for (uint32_t i = 0; i < parts.count; i++)
        if (!state_work_get(run->s->state, WORK_NOTICE, (uint64_t)work_number(&parts.rows[i], MESSAGE_NOTICE),
                            run->arena, &x->notices.rows[x->notices.count++], err))
            return false;
    return true;
}

static bool send_over(struct notify_sending *x, struct error *err)
{
    if (x->delivery.channel == NULL)
        return error_set(err, tr("there is no channel '%.*s' any more", "経路「%.*s」はもうありません"),
                         STR_ARGS(x->message->values[MESSAGE_CHANNEL]));
    return load_notices(x, err) && notify_carry(x, err);
}

/* ------------------------------------------------------------------- outcome */

/* The parts of a digest share its fate. */
static bool set_parts(struct notify_sending *x, struct str status, struct error *err)
{
    struct work_rows parts;
    if (work_number(x->message, MESSAGE_NOTICE) != 0)
        return true;
    if (!state_work_list(x->run->s->state, WORK_MESSAGE, MESSAGE_DIGEST,
                         work_text_of((int64_t)x->message->id, x->run->arena), PARTS_MOST, x->run->arena,
                         &parts, err))
        return false;
    for (uint32_t i = 0; i < parts.count; i++)
        if (!notify_mark(x->run, WORK_MESSAGE, &parts.rows[i], MESSAGE_STATUS, status, err))
            return false;
    return true;
}

static bool set(struct notify_sending *x, int column, struct str value, struct error *err)
{
    return state_work_set(x->run->s->state, WORK_MESSAGE, x->message->id, column, value, err);
}

static bool note_attempt(struct notify_sending *x, struct str failure, struct error *err)
{
    int64_t attempts = work_number(x->message, MESSAGE_ATTEMPTS) + 1;
    return set(x, MESSAGE_ATTEMPTS, work_text_of(attempts, x->run->arena), err) &&
           set(x, MESSAGE_TRIED, work_text_of(clock_wall_ns(), x->run->arena), err) &&
           set(x, MESSAGE_FAILURE, failure, err);
}

/* S173: to whom it was reported, by role or channel. */
static struct deed deed_of(struct notify_sending *x, bool is_sent)
{
    const struct work_row *m = x->message;
    struct str told = m->values[MESSAGE_ROLE].n ? m->values[MESSAGE_ROLE] : m->values[MESSAGE_CHANNEL];
    uint64_t incident =
        x->notices.count == 1 ? (uint64_t)work_number(&x->notices.rows[0], NOTICE_INCIDENT) : 0;
    return (struct deed){.action = "report",
                         .actor = STR("hyakuyo"),
                         .role = STR_EMPTY,
                         .on_behalf = STR_EMPTY,
                         .incident = incident,
                         .target = arena_printf(x->run->arena, "message/%llu", (unsigned long long)m->id),
                         .event_ns = clock_wall_ns(),
                         .text = STR_EMPTY,
                         .instructed_by = STR_EMPTY,
                         .approved_by = STR_EMPTY,
                         .reported_to = is_sent ? told : STR_EMPTY,
                         .evidence = is_sent ? m->values[MESSAGE_KEY] : STR("not delivered"),
                         .criteria_version = x->run->set->rules.version};
}

/* Sent or given up: with its entry in the record. */
static bool note_end(struct notify_sending *x, bool is_sent, struct str failure, struct error *err)
{
    struct recorder *recorder = x->run->s->recorder;
    struct str status = is_sent ? STR("sent") : STR("failed");
    if (!recorder_begin(recorder, err))
        return false;
    bool ok = note_attempt(x, failure, err) && set(x, MESSAGE_RECEIPT, x->receipt, err) &&
              (!is_sent || set(x, MESSAGE_SENT, work_text_of(clock_wall_ns(), x->run->arena), err)) &&
              set_parts(x, status, err) &&
              notify_mark(x->run, WORK_MESSAGE, x->message, MESSAGE_STATUS, status, err);
    struct deed deed = deed_of(x, is_sent);
    if (ok)
        return recorder_commit(recorder, &deed, err);
    recorder_rollback(recorder);
    return false;
}

static bool note_failure(struct notify_sending *x, struct str failure, struct error *err)
{
    const struct channels *channels = &x->run->set->channels;
    struct work_row *m = x->message;
    uint32_t attempts = (uint32_t)work_number(m, MESSAGE_ATTEMPTS) + 1;
    uint64_t random = 0;
    bool is_old = clock_wall_ns() - work_number(m, MESSAGE_ENTERED) > channels->give_up_ns;
    if (attempts == 1 || x->delivery.is_permanent || is_old)
        log_warning(tr("notification %llu over '%.*s' was not delivered%s: %.*s",
                       "通知メッセージ %llu(経路 %.*s)を送信できません%s: %.*s"),
                    (unsigned long long)m->id, STR_ARGS(m->values[MESSAGE_CHANNEL]),
                    x->delivery.is_permanent || is_old ? tr(" and is given up", "。再送を終了します")
                                                       : tr(" and is tried again", "。再送します"),
                    STR_ARGS(failure));
    if (x->delivery.is_permanent || is_old)
        return note_end(x, false, failure, err);
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = 0;
    int64_t due_ns = clock_wall_ns() +
                     notify_back_off(attempts, channels->first_retry_ns, channels->longest_retry_ns, random);
    if (!state_begin(x->run->s->state, err))
        return false;
    if (note_attempt(x, failure, err) && set(x, MESSAGE_DUE, work_text_of(due_ns, x->run->arena), err))
        return state_commit(x->run->s->state, err);
    state_rollback(x->run->s->state);
    return false;
}

bool notify_send(struct notify_run *run, struct work_row *message, bool *reached, struct error *err)
{
    struct error why = {{0}};
    struct notify_sending x = {.run = run,
                               .message = message,
                               .is_ja = str_eq(message->values[MESSAGE_LANGUAGE], STR("ja")),
                               .receipt = STR_EMPTY,
                               .delivery = {.channel = channel_find(&run->set->channels,
                                                                    message->values[MESSAGE_CHANNEL]),
                                            .is_over = run->is_over}};
    *reached = send_over(&x, &why);
    if (*reached)
        return note_end(&x, true, STR_EMPTY, err);
    if (atomic_load(run->is_over)) /* broken off by the stop: no attempt */
        return true;
    /* A recipient that is refused says nothing about the channel. */
    bool is_channel = !x.delivery.is_permanent;
    bool ok = note_failure(&x, arena_str(run->arena, str_c(why.text)), err);
    *reached = !is_channel;
    return ok;
}
