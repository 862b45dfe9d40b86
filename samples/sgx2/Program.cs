using Sgx2Sample;

// The steps are in Walk.cs; `cloister demo` has them built in.
return Walk.Execute(Console.Out, Console.Error);
