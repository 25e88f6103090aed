/* Stage: query. What can be wrong with a text, as sentences in both languages. The table is in the order of
 * enum problem. */
#include <stdio.h>

#include "query/tree.h"

static const struct {
    const char *en, *ja; /* %.*s = the word it is about */
    const char *expected_en, *expected_ja;
} sentences[] = {
    [PROBLEM_TOO_LONG] = {"The query is longer than 8 KiB.", "検索式が 8 KiB を超えています。", "", ""},
    [PROBLEM_NOT_UTF8] = {"These bytes are not UTF-8.", "UTF-8 ではないバイトがあります。", "", ""},
    [PROBLEM_TOO_DEEP] = {"More than 64 parentheses and nots inside each other.",
                          "括弧と not の入れ子が 64 段を超えています。", "", ""},
    [PROBLEM_TOO_MANY_TERMS] = {"More than 1,000 terms.", "条件が 1,000 個を超えています。", "", ""},
    [PROBLEM_TOO_MANY_PIPES] = {"More than 16 pipes.", "パイプが 16 個を超えています。", "", ""},
    [PROBLEM_EXPECTED_TERM] = {"A condition is missing here.", "ここに条件が必要です。",
                               "a word, \"a phrase\", field:value, not or (",
                               "語、\"語句\"、項目名:値、not、( のいずれか"},
    [PROBLEM_EXPECTED_VALUE] = {"A value is missing here.", "ここに値が必要です。",
                                "a value, \"a phrase\", * or (x or y)",
                                "値、\"語句\"、*、(x or y) のいずれか"},
    [PROBLEM_OPEN_QUOTE] = {"This quotation mark is never closed.", "この引用符が閉じられていません。",
                            "\" at the end of the phrase", "語句の終わりの \""},
    [PROBLEM_OPEN_GROUP] = {"The parenthesis opened here is never closed.",
                            "ここで開いた括弧が閉じられていません。", ")", ")"},
    [PROBLEM_STRAY_CLOSE] = {"There is no parenthesis to close here.", "対応する開き括弧がありません。", "",
                             ""},
    [PROBLEM_EXPECTED_TO] = {"A range is written [from to until].", "範囲は [開始 to 終了] と書きます。",
                             "to", "to"},
    [PROBLEM_OPEN_RANGE] = {"The range is never closed.", "範囲が閉じられていません。", "]", "]"},
    [PROBLEM_EMPTY_RANGE] = {"The range needs a bound on at least one side.",
                             "範囲には少なくとも一方の端が必要です。", "", ""},
    [PROBLEM_NOT_A_NUMBER] = {"\"%.*s\" is not a number, and this field holds numbers.",
                              "この項目は数値ですが、「%.*s」は数値ではありません。", "a number", "数値"},
    [PROBLEM_NOT_AN_ADDRESS] = {"\"%.*s\" is not an IP address, and this field holds addresses.",
                                "この項目は IP アドレスですが、「%.*s」はアドレスではありません。",
                                "192.0.2.1, 192.0.2.0/24, 2001:db8::/32 or 192.0.*",
                                "192.0.2.1、192.0.2.0/24、2001:db8::/32、192.0.* など"},
    [PROBLEM_NOT_A_NETWORK] = {"\"%.*s\" is not a network.", "「%.*s」はネットワークではありません。",
                               "192.0.2.0/24 or 2001:db8::/32", "192.0.2.0/24 や 2001:db8::/32"},
    [PROBLEM_NOT_A_TIME] = {"\"%.*s\" is not a time.", "「%.*s」は時刻ではありません。",
                            "2025-11-10, 2025-11-10T09:00, now, now-7d or today",
                            "2025-11-10、2025-11-10T09:00、now、now-7d、today など"},
    [PROBLEM_NOT_A_BOOLEAN] = {"\"%.*s\" is neither true nor false.",
                               "「%.*s」は true でも false でもありません。", "true or false",
                               "true または false"},
    [PROBLEM_NO_WILDCARD] = {"Wildcards do not work on this kind of field.",
                             "この種類の項目ではワイルドカードを使えません。", "a value or *", "値または *"},
    [PROBLEM_NO_ORDER] = {"Yes-or-no fields have no order.", "真偽値の項目に大小はありません。",
                          "field:true or field:false", "項目名:true または 項目名:false"},
    [PROBLEM_RANGE_OF_RAW] = {"A whole text has no order; compare another field.",
                              "本文に大小はありません。ほかの項目で比べてください。", "", ""},
    [PROBLEM_UNKNOWN_PIPE] =
        {"There is no pipe \"%.*s\".", "パイプ「%.*s」はありません。",
         "count, timechart, sort, head, distinct, rare, top, sum, avg, min, max, dc, fields or where",
         "count、timechart、sort、head、distinct、rare、top、sum、avg、min、max、dc、fields、where "
         "のいずれか"},
    [PROBLEM_EXPECTED_FIELD] = {"The name of a field is missing here.", "ここに項目名が必要です。",
                                "a field's name", "項目名"},
    [PROBLEM_EXPECTED_COUNT] = {"A whole number from 1 to 1,000,000 is missing here.",
                                "1 から 1,000,000 までの整数が必要です。", "a number", "数値"},
    [PROBLEM_EXPECTED_SPAN] = {"A width of time is missing here.", "時間の幅が必要です。",
                               "30s, 5m, 1h, 1d or 1w", "30s、5m、1h、1d、1w など"},
    [PROBLEM_EXPECTED_AGGREGATE] = {"What to compute is missing here.", "集計の指定が必要です。",
                                    "count, sum(f), avg(f), min(f), max(f) or dc(f)",
                                    "count、sum(項目)、avg(項目)、min(項目)、max(項目)、dc(項目) のいずれか"},
    [PROBLEM_EXPECTED_OPEN] = {"A parenthesis is missing here.", "ここに括弧が必要です。", "(", "("},
    [PROBLEM_EXPECTED_CLOSE] = {"A closing parenthesis is missing here.", "ここに閉じ括弧が必要です。", ")",
                                ")"},
    [PROBLEM_NO_SUCH_COLUMN] = {"The table before this pipe has no column \"%.*s\".",
                                "このパイプの前の表に「%.*s」列はありません。", "one of the table's columns",
                                "表の列名"},
    [PROBLEM_NOT_NUMERIC] = {"\"%.*s\" does not hold numbers.", "「%.*s」は数値の項目ではありません。",
                             "a numeric field", "数値の項目"},
    [PROBLEM_SAME_NAME] = {"Two columns would be called \"%.*s\".",
                           "「%.*s」という列が 2 つできてしまいます。", "\"as\" and another name",
                           "as と別の名前"},
    [PROBLEM_EXPECTED_PIPE_END] = {"This does not belong to the pipe.", "このパイプに続けられない語です。",
                                   "| or the end", "| または終わり"},
    [PROBLEM_NEEDS_EVENTS] = {"A time chart needs events; the pipes before it already made a table.",
                              "timechart はイベントに対して使います。前のパイプですでに表になっています。",
                              "", ""},
    [PROBLEM_RAW_IN_TABLE] = {"A table has columns, not a raw line; name the column to compare.",
                              "表には本文がありません。比べる列名を書いてください。",
                              "column:value or column > value", "列名:値 または 列名 > 値"},
};

void problem_sentence(enum problem problem, struct str word, struct query_error *err)
{
    BUG_IF(problem >= COUNT_OF(sentences) || !sentences[problem].en);
    size_t shown = 0;
    for (size_t at = 0; at < word.n && at < 60; shown = at)
        text_next(word, &at);
    snprintf(err->en, sizeof(err->en), sentences[problem].en, (int)shown, word.p ? word.p : "");
    snprintf(err->ja, sizeof(err->ja), sentences[problem].ja, (int)shown, word.p ? word.p : "");
    snprintf(err->expected_en, sizeof(err->expected_en), "%s", sentences[problem].expected_en);
    snprintf(err->expected_ja, sizeof(err->expected_ja), "%s", sentences[problem].expected_ja);
}
