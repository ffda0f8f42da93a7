#include "papers_tests.h"

int main(void)
{
    int failed = closure_graph_tests();
    failed += papers_tests();
    failed += impact_tests();
    return failed ? 1 : 0;
}
