/* Character sets: what is recognised, what is converted. Texts are encoded here with iconv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iconv.h>

#include "base/buf.h"
#include "base/charset.h"

static struct str encode(struct arena *a, const char *text, const char *charset)
{
    iconv_t converter = iconv_open(charset, "UTF-8");
    assert_true(converter != (iconv_t)-1);
    char *in = (char *)(uintptr_t)text, *out = arena_alloc(a, 8 * strlen(text) + 16), *at = out;
    size_t left = strlen(text), room = 8 * strlen(text) + 16;
    assert_int_equal(iconv(converter, &in, &left, &at, &room), 0);
    iconv(converter, NULL, NULL, &at, &room); /* back to ASCII */
    iconv_close(converter);
    return str_n(out, (size_t)(at - out));
}

static const char *const texts[] = {
    "ウイルスを検出しました",
    "Nov 10 09:13:07 pc-a01 AV: ウイルス EICAR_TEST を検出しました。隔離に成功",
    "検知名=トロイの木馬 処理=削除 利用者=山田太郎",
    "ファイル「請求書.exe」を駆除できませんでした",
    "C:\\Users\\佐藤\\デスクトップ\\見積書.xlsm",
    "総務部 鈴木 ログオン失敗",
    "隔離",
    "リアルタイム保護が無効になりました",
    "パターンファイルの更新に失敗",
};

static void recognises_japanese(void **state)
{
    (void)state;
    static const char *const sets[][2] = {{"CP932", "CP932"},
                                          {"EUC-JP", "EUC-JP"},
                                          {"ISO-2022-JP", "ISO-2022-JP"}};
    struct arena a = {0};
    int wrong = 0;
    for (size_t t = 0; t < COUNT_OF(texts); t++) {
        for (size_t s = 0; s < COUNT_OF(sets); s++) {
            const char *name;
            struct str got = charset_to_utf8(encode(&a, texts[t], sets[s][0]), &a, &name);
            if (strcmp(name, sets[s][1]) != 0 || !str_eq(got, str_c(texts[t]))) {
                print_message("%s as %s: %s %.*s\n", texts[t], sets[s][0], name, STR_ARGS(got));
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
    arena_free(&a);
}

/* Half-width katakana exists in CP932 (and rarely elsewhere): old anti-virus consoles write it. */
static void recognises_half_width(void **state)
{
    (void)state;
    static const char *const words[] = {"ｳｲﾙｽ検知",        "ｳｲﾙｽ ｹﾝｼｭﾂ", "ﾊﾟﾀｰﾝﾌｧｲﾙ更新",
                                        "ﾘｱﾙﾀｲﾑ検索 停止", "ﾕｰｻﾞ=ﾔﾏﾀﾞ",  "ﾌｧｲﾙ ｶｸﾘ ｼﾏｼﾀ"};
    struct arena a = {0};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        const char *name;
        struct str got = charset_to_utf8(encode(&a, words[i], "CP932"), &a, &name);
        if (strcmp(name, "CP932") != 0 || !str_eq(got, str_c(words[i])))
            print_message("%s: %s %.*s\n", words[i], name, STR_ARGS(got));
        assert_true(str_eq(got, str_c(words[i])));
    }
    arena_free(&a);
}

/* Kanji alone, without the kana that give EUC-JP away. */
static void recognises_kanji(void **state)
{
    (void)state;
    static const char *const words[] = {
        "隔離",       "駆除失敗", "感染検知",   "総務部", "情報系",   "経理課 通信遮断", "接続拒否",
        "管理者権限", "認証失敗", "東京都港区", "佐藤",   "鈴木一郎", "異常終了",        "更新完了",
        "警告",       "検疫",     "削除",       "許可",   "無効",     "有効期限切"};
    static const char *const sets[] = {"CP932", "EUC-JP"};
    struct arena a = {0};
    int wrong = 0;
    for (size_t i = 0; i < COUNT_OF(words) * COUNT_OF(sets); i++) {
        const char *word = words[i / COUNT_OF(sets)], *set = sets[i % COUNT_OF(sets)], *name;
        struct str got = charset_to_utf8(encode(&a, word, set), &a, &name);
        if (!str_eq(got, str_c(word))) {
            print_message("%s in %s: %s %.*s\n", word, set, name, STR_ARGS(got));
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    arena_free(&a);
}

static void leaves_utf8_alone(void **state)
{
    (void)state;
    struct arena a = {0};
    const char *name;
    for (size_t t = 0; t < COUNT_OF(texts); t++) {
        struct str got = charset_to_utf8(str_c(texts[t]), &a, &name);
        assert_ptr_equal(got.p, texts[t]);
        assert_string_equal(name, "UTF-8");
    }
    assert_ptr_equal(charset_to_utf8(STR("\x1b[31mred"), &a, NULL).p, "\x1b[31mred");
    arena_free(&a);
}

static void recognises_european(void **state)
{
    (void)state;
    static const char *const words[] = {"user=Müller logged in", "café",   "Zugriff für Jürgen verweigert",
                                        "naïve façade",          "mañana", "price 5 £"};
    struct arena a = {0};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        const char *name;
        struct str got = charset_to_utf8(encode(&a, words[i], "CP1252"), &a, &name);
        if (strcmp(name, "windows-1252") != 0 || !str_eq(got, str_c(words[i])))
            fail_msg("%s: %s %.*s", words[i], name, STR_ARGS(got));
    }
    arena_free(&a);
}

static void always_gives_utf8(void **state)
{
    (void)state;
    struct arena a = {0};
    uint64_t random = 7;
    for (int i = 0; i < 3000; i++) {
        char bytes[64];
        for (size_t k = 0; k < sizeof bytes; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            bytes[k] = (char)(random >> 56);
        }
        struct str s = str_n(bytes, (size_t)(random >> 40 & 63));
        assert_true(str_is_utf8(charset_to_utf8(s, &a, NULL)));
        assert_true(str_is_utf8(charset_convert(s, "CP932", &a)));
        assert_true(str_is_utf8(charset_convert(s, "no-such-set", &a)));
    }
    const char *name; /* one broken character in UTF-8 text: still UTF-8, the bad bytes marked */
    struct str got = charset_to_utf8(STR("日本語の記録がここで切れ\xe3\x81"), &a, &name);
    assert_string_equal(name, "unknown");
    assert_true(str_starts(got, STR("日本語の記録")));
    arena_free(&a);
}

static void converts(void **state)
{
    (void)state;
    struct arena a = {0};
    struct str sjis = encode(&a, "隔離①", "CP932");
    assert_true(str_eq(charset_convert(sjis, "CP932", &a), STR("隔離①")));
    assert_true(str_eq(charset_convert(STR("a\x81"), "CP932", &a), STR("a\xef\xbf\xbd")));
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognises_japanese),
        cmocka_unit_test(recognises_half_width),
        cmocka_unit_test(recognises_kanji),
        cmocka_unit_test(leaves_utf8_alone),
        cmocka_unit_test(recognises_european),
        cmocka_unit_test(always_gives_utf8),
        cmocka_unit_test(converts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
