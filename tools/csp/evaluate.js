// Prints what Google's CSP evaluator finds in the policy given as the first argument, one
// finding a line; nothing means nothing was found.
import {CspEvaluator} from 'csp_evaluator/dist/evaluator.js';
import {CspParser} from 'csp_evaluator/dist/parser.js';

for (const finding of new CspEvaluator(new CspParser(process.argv[2]).csp).evaluate()) {
  console.log(`${finding.directive} ${finding.value ?? ''}: ${finding.description}`);
}
