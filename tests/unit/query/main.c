#include "query_tests.h"

int main(void)
{
    int failed = compare_tests();
    failed += answer_tests();
    failed += export_tests();
    failed += resolve_tests();
    failed += nomem_tests();
    failed += filter_tests();
    failed += spec_tests();
    failed += story_tests();
    failed += holes_tests();
    failed += assets_tests();
    failed += assets_random_tests();
    failed += loss_after_tests();
    failed += contain_tests();
    failed += loss_gaps_tests();
    failed += loss_asked_tests();
    failed += loss_lives_tests();
    failed += loss_straight_tests();
    failed += loss_taken_tests();
    failed += loss_through_tests();
    return failed ? 1 : 0;
}
