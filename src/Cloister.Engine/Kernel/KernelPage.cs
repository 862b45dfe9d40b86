using Cloister.Architecture;

namespace Cloister.Engine.Kernel;

/// <summary>A page of an enclave as its leaves showed it.</summary>
/// <param name="Epc">Where it is; none while it is written out.</param>
/// <param name="Type">Its type when it was added.</param>
/// <param name="Permissions">What SECINFO said when it was added.</param>
internal readonly record struct KernelPage(EpcPage Epc, PageType Type, SecinfoFlags Permissions);
