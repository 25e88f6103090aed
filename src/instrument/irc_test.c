/* Unit tests of bots on IRC (S101, S102, spec 2.8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

/* A line of an IRC log: who, to which port, nickname, command, channel, text. */
static size_t irc(struct trial *t, double at, const char *from, int port, const char *nick,
                  const char *command, const char *channel, const char *text)
{
    char all[600];
    int n = snprintf(all, sizeof all,
                     "event.category=network;source.ip=%s;destination.ip=198.51.100.23;destination.port=%d;"
                     "network.transport=tcp;network.protocol=irc;event.action=%s;observer.product=Zeek",
                     from, port, command);
    if (*nick)
        n += snprintf(all + n, sizeof all - (size_t)n, ";hyakuyo.irc.nick=%s", nick);
    if (*channel)
        n += snprintf(all + n, sizeof all - (size_t)n, ";hyakuyo.irc.channel=%s", channel);
    if (*text)
        snprintf(all + n, sizeof all - (size_t)n, ";hyakuyo.irc.text=%s", text);
    return trial_event(t, at, all);
}

/* Two hosts of ours in one channel, on a port that is none of IRC's: both are told. */
static void test_shared_channel(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    irc(t, 1, "10.20.30.31", 8080, "taro", "JOIN", "##upd", "");
    irc(t, 2, "10.20.30.31", 8080, "taro", "JOIN", "##upd", "");
    assert_int_equal(trial_count(t, "irc_shared_channel", NULL), 0);
    trial_restart(t);
    irc(t, 500, "10.20.30.44", 8080, "jiro", "JOIN", "##upd", "");
    assert_int_equal(trial_count(t, "irc_shared_channel", "10.20.30.31"), 1);
    assert_int_equal(trial_count(t, "irc_shared_channel", "10.20.30.44"), 1);
    assert_true(str_eq(trial_fact(t, "irc_shared_channel", "hyakuyo.irc.channel"), STR("##upd")));
    assert_true(str_eq(trial_fact(t, "irc_shared_channel", "destination.port"), STR("8080")));
    irc(t, 600, "10.20.30.31", 8080, "taro", "JOIN", "##upd", "");
    assert_int_equal(trial_count(t, "irc_shared_channel", NULL), 2); /* no news */
    irc(t, 700, "10.20.30.45", 8080, "saburo", "JOIN", "##upd", "");
    assert_int_equal(trial_count(t, "irc_shared_channel", "10.20.30.45"), 1);
    irc(t, 800, "10.20.30.60", 6667, "hana", "JOIN", "#flowers", "");
    assert_int_equal(trial_count(t, "irc_shared_channel", "10.20.30.60"), 0);
    trial_free(t);
}

static void test_nicknames(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    static const char *const bots[] = {"JPN|73920481", "[USA]-48291", "[00|DEU|992817]", "{XP}-8837261",
                                       "rBot-4711"};
    static const char *const people[] = {"taro",    "Taro1985", "hana_",    "x0r",     "dev-tanaka",
                                         "k.mori2", "[AFK]bob", "guest123", "USA_fan", "i386"};
    char from[20];
    for (int n = 0; n < 5; n++) {
        snprintf(from, sizeof from, "10.20.30.%d", n + 1);
        irc(t, n, from, 6667, bots[n], "NICK", "", "");
        if (trial_count(t, "irc_bot_nick", from) != 1)
            fail_msg("%s is not taken for a bot's", bots[n]);
    }
    for (int n = 0; n < 10; n++) {
        snprintf(from, sizeof from, "10.20.50.%d", n + 1);
        irc(t, 100 + n, from, 6667, people[n], "NICK", "", "");
        if (trial_count(t, "irc_bot_nick", from) != 0 || trial_count(t, "irc_similar_nicks", from) != 0)
            fail_msg("%s is taken for a bot's", people[n]);
    }
    irc(t, 200, "10.20.30.31", 6667, "qx^5582914", "NICK", "", ""); /* a form nobody has listed */
    irc(t, 201, "10.20.30.44", 6667, "zzt^1048377", "NICK", "", "");
    assert_int_equal(trial_count(t, "irc_similar_nicks", "10.20.30.31"), 1);
    assert_int_equal(trial_count(t, "irc_similar_nicks", "10.20.30.44"), 1);
    trial_free(t);
}

static void test_commands(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    irc(t, 1, "10.20.30.31", 6667, "", "PRIVMSG", "##upd", "I will scan it tomorrow.");
    irc(t, 2, "10.20.30.31", 6667, "", "PRIVMSG", "##upd", "...");
    irc(t, 3, "10.20.30.31", 6667, "", "PRIVMSG", "##upd", "!help scan");
    assert_int_equal(trial_count(t, "irc_bot_command", NULL), 0);
    irc(t, 4, "10.20.30.31", 6667, "", "TOPIC", "##upd", ".advscan lsass_445 100 5 0");
    assert_int_equal(trial_count(t, "irc_bot_command", "10.20.30.31"), 1);
    trial_free(t);
}

/* PING and PONG for half an hour, by command or by bytes; a word that is said ends it. */
static void test_idle(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int n = 0; n <= 20; n++) {
        irc(t, 100 * n, "10.20.30.31", 6667, "", n % 2 ? "PONG" : "PING", "", "");
        irc(t, 100 * n, "10.20.30.32", 6667, "", n % 5 ? "PING" : "PRIVMSG", "", n % 5 ? "" : "good morning");
    }
    assert_int_equal(trial_count(t, "irc_idle_session", "10.20.30.31"), 1);
    assert_true(trial_seconds(t, "irc_idle_session") == 1800);
    assert_int_equal(trial_count(t, "irc_idle_session", "10.20.30.32"), 0);
    const char *flow = "event.category=network;source.ip=%s;destination.ip=198.51.100.23;destination.port=%d;"
                       "network.transport=tcp;source.bytes=%d;destination.bytes=9000;"
                       "event.duration=7200000000000";
    char text[300];
    snprintf(text, sizeof text, flow, "10.20.30.41", 6667, 9000); /* 150 bytes a minute */
    trial_event(t, 9000, text);
    snprintf(text, sizeof text, flow, "10.20.30.42", 6667, 900000); /* somebody writes */
    trial_event(t, 9000, text);
    snprintf(text, sizeof text, flow, "10.20.30.43", 443, 9000); /* somebody else's port */
    trial_event(t, 9000, text);
    assert_int_equal(trial_count(t, "irc_idle_session", "10.20.30.41"), 1);
    assert_int_equal(trial_count(t, "irc_idle_session", "10.20.30.42") +
                         trial_count(t, "irc_idle_session", "10.20.30.43"),
                     0);
    trial_free(t);
}

/* The developer with a registered program (decoy of 5.1). */
static void test_exception(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    const char *line = "event.category=network;source.ip=10.20.50.%d;destination.ip=198.51.100.9;"
                       "destination.port=6697;network.transport=tcp;network.protocol=irc;event.action=JOIN;"
                       "hyakuyo.irc.channel=#dev;hyakuyo.irc.nick=JPN|73920481;hyakuyo.exception=application";
    char text[400];
    for (int n = 15; n <= 18; n++) {
        snprintf(text, sizeof text, line, n);
        assert_int_equal(trial_event(t, n, text), 0);
    }
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_channel), cmocka_unit_test(test_nicknames),
        cmocka_unit_test(test_commands),       cmocka_unit_test(test_idle),
        cmocka_unit_test(test_exception),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
