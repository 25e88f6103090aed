/* What people decide about the posture (stage judge): a lead confirms that Orange is over, somebody overrides
 * it with another's approval, an analyst confirms a notice from outside. posture.c does the rest. */
#include "base/log.h"
#include "judge/posture_state.h"

static void move_on(struct posture *p, int64_t now_ns)
{
    if (now_ns > p->state.watermark_ns)
        posture_reach(p, now_ns);
}

bool posture_confirm(struct posture *p, int64_t now_ns, struct error *err)
{
    struct posture_state *s = &p->state;
    struct posture_view view;
    move_on(p, now_ns);
    posture_view(p, &view);
    if (view.computed != POSTURE_ORANGE)
        return error_set(err, "%s",
                         tr("the posture is not Orange: there is nothing to confirm",
                            "Orange ではないため、解除の確認はできません"));
    if (!view.awaits_confirmation)
        return error_set(err,
                         tr("Orange still has evidence from the last %d hours; wait until it has been quiet "
                            "that long, or override it with a reason",
                            "直近 %d 時間に Orange "
                            "の根拠があります。静まるのを待つか、理由を付けて手動で変更してください"),
                         (int)(p->criteria->orange_quiet_ns / NS_PER_SECOND / 3600));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->key_count; i++)
        if (s->keys[i].level != POSTURE_ORANGE)
            s->keys[kept++] = s->keys[i];
    s->key_count = kept;
    posture_tell(p, now_ns);
    return true;
}

bool posture_decide(struct posture *p, const struct posture_decision *d, int64_t now_ns, struct error *err)
{
    struct posture_override *o = &p->state.override;
    if (str_trim(d->reason).n == 0 || str_trim(d->by).n == 0 || str_trim(d->approver).n == 0)
        return error_set(err, "%s",
                         tr("an override needs a reason, who asks for it and who approves it",
                            "手動変更には理由、申請者、承認者が必要です"));
    if (str_eq_nocase(str_trim(d->by), str_trim(d->approver)))
        return error_set(err, "%s",
                         tr("an override is approved by somebody else than who asks for it",
                            "手動変更の承認者は申請者と別の人にしてください"));
    if (d->expires_ns <= now_ns || d->expires_ns - now_ns > p->criteria->override_longest_ns)
        return error_set(err,
                         tr("an override ends in the future, within %d hours: name such a time",
                            "手動変更の期限は %d 時間以内の将来の時刻にしてください"),
                         (int)(p->criteria->override_longest_ns / NS_PER_SECOND / 3600));
    move_on(p, now_ns);
    posture_copy_text(o->reason, sizeof o->reason, str_trim(d->reason));
    posture_copy_text(o->by, sizeof o->by, str_trim(d->by));
    posture_copy_text(o->approver, sizeof o->approver, str_trim(d->approver));
    o->level = (uint8_t)d->level;
    o->since_ns = now_ns;
    o->expires_ns = d->expires_ns;
    posture_tell(p, now_ns);
    return true;
}

bool posture_withdraw(struct posture *p, int64_t now_ns, struct error *err)
{
    move_on(p, now_ns);
    if (p->state.override.expires_ns == 0)
        return error_set(err, "%s", tr("there is no override to withdraw", "取り消す手動変更がありません"));
    memset(&p->state.override, 0, sizeof p->state.override);
    posture_tell(p, now_ns);
    return true;
}

uint64_t posture_add_notice(struct posture *p, const struct posture_notice *notice)
{
    struct posture_state *s = &p->state;
    if (s->notice_count == POSTURE_NOTICES_MAX) { /* the first one came first */
        memmove(s->notices, s->notices + 1, --s->notice_count * sizeof *s->notices);
        s->forgotten++;
    }
    struct posture_notice *to = &s->notices[s->notice_count++];
    memset(to, 0, sizeof *to);
    to->id = ++s->next_notice;
    to->port = notice->port;
    to->time_ns = notice->time_ns;
    posture_copy_text(to->issuer, sizeof to->issuer, str_c(notice->issuer));
    posture_copy_text(to->trend, sizeof to->trend, str_c(notice->trend));
    posture_copy_text(to->tlp, sizeof to->tlp, str_c(notice->tlp));
    return to->id;
}

bool posture_confirm_notice(struct posture *p, uint64_t id, struct str by, int64_t now_ns, struct error *err)
{
    struct posture_state *s = &p->state;
    if (str_trim(by).n == 0)
        return error_set(err, "%s", tr("say who confirms the notice", "確認者を指定してください"));
    move_on(p, now_ns);
    for (uint32_t i = 0; i < s->notice_count; i++)
        if (s->notices[i].id == id) {
            s->notices[i].is_confirmed = true;
            s->notices[i].until_ns = now_ns + p->criteria->notice_lasts_ns;
            posture_copy_text(s->notices[i].confirmed_by, sizeof s->notices[i].confirmed_by, str_trim(by));
            posture_tell(p, now_ns);
            return true;
        }
    return error_set(err, tr("there is no notice %llu", "通知 %llu はありません"), (unsigned long long)id);
}
