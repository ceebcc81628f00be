using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Replay.Mutants;

/// <summary>One change that could be made to the sources.</summary>
/// <param name="File">Path below src/Replayer.</param>
/// <param name="Line">Where it is, from 1.</param>
/// <param name="Operator">The kind of change.</param>
/// <param name="Key">Its name: file, member, what becomes what. It stays when lines above it move.</param>
/// <param name="Node">What is changed.</param>
/// <param name="Mutate">
/// From the node, whose inside may have mutants of its own by then, and the question whether this mutant is the active one, to what stands there.
/// </param>
internal sealed record Candidate(string File, int Line, string Operator, string Key, SyntaxNode Node, Func<SyntaxNode, ExpressionSyntax, SyntaxNode, SyntaxNode> Mutate)
{
    /// <summary>The folder of src/Replayer that the file belongs to.</summary>
    public string Stratum => File[..File.IndexOf('/', StringComparison.Ordinal)];

    /// <summary>ASKED ? MUTANT : ORIGINAL.</summary>
    public static SyntaxNode Choose(ExpressionSyntax asked, SyntaxNode mutant, SyntaxNode original) => SyntaxFactory.ParenthesizedExpression(
        SyntaxFactory.ConditionalExpression(asked, Bracket(mutant), Bracket(original)));

    public static ExpressionSyntax Bracket(SyntaxNode node) => SyntaxFactory.ParenthesizedExpression(((ExpressionSyntax)node).WithoutTrivia());
}
