#include "graph_tests.h"

int main(void)
{
    int failed = walk_tests();
    failed += closure_tests();
    failed += between_tests();
    failed += limits_tests();
    failed += pair_tests();
    failed += nomem_tests();
    failed += stored_tests();
    failed += thin_tests();
    return failed ? 1 : 0;
}
