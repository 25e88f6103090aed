/* How the outbox fares, for the status of the program and its metrics. Next: work_notify.c. */
#include "console/metrics.h"
#include "notifier/notifier.h"

/* Somebody should have been told something and was not. */
void server_warn_of_notifications(struct server *s, struct console_status *out, struct arena *arena)
{
    struct notify_numbers n;
    struct error ignored;
    if (!notifier_count(s, &n, &ignored) || n.retrying + n.failed_lately == 0)
        return;
    struct console_warning *w = &out->warnings[out->warning_count++];
    unsigned long long retrying = n.retrying, failed = n.failed_lately;
    w->en = arena_printf(
        arena, "notifications: %llu messages are tried again, %llu could not be delivered in the last day",
        retrying, failed);
    w->ja = arena_printf(arena, "通知: 再送中のメッセージ %llu 件、この 1 日で送信できなかったもの %llu 件",
                         retrying, failed);
}

void server_put_notification_metrics(struct server *s, struct metrics *m)
{
    struct notify_numbers n;
    struct error ignored;
    if (!notifier_count(s, &n, &ignored))
        return;
    metrics_gauge(m, "hyakuyo_notifications", "Messages in the outbox.", STR("state=\"waiting\""),
                  (double)n.waiting);
    metrics_gauge(m, "hyakuyo_notifications", "Messages in the outbox.", STR("state=\"retrying\""),
                  (double)n.retrying);
    metrics_gauge(m, "hyakuyo_notifications", "Messages in the outbox.", STR("state=\"failed\""),
                  (double)n.failed);
}
