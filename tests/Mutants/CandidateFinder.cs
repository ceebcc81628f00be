using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using static Microsoft.CodeAnalysis.CSharp.SyntaxFactory;

namespace Replay.Mutants;

/// <summary>
/// Finds what can be changed in a file. Left alone: what is fixed at compile time (constants, patterns, attributes), and what guards the code's own
/// invariants, since a guard that holds can be taken away without anybody noticing.
/// </summary>
internal sealed class CandidateFinder(string file, SemanticModel model) : CSharpSyntaxWalker
{
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);

    public List<Candidate> Found { get; } = [];

    public override void Visit(SyntaxNode? node)
    {
        if (node is null or AttributeListSyntax or PatternSyntax or CaseSwitchLabelSyntax or EnumMemberDeclarationSyntax or ParameterSyntax or TypeSyntax and not NameSyntax
            || node is FieldDeclarationSyntax { Modifiers: var modifiers } && modifiers.Any(SyntaxKind.ConstKeyword)
            || node is LocalDeclarationStatementSyntax { IsConst: true }
            || node is InvocationExpressionSyntax call && IsGuard(call.Expression.ToString())
            || node is ThrowStatementSyntax or ThrowExpressionSyntax)
            return;
        if (node is ExpressionSyntax expression)
            OfExpression(expression);
        else if (node is StatementSyntax statement)
            OfStatement(statement);
        base.Visit(node);
    }

    private static bool IsGuard(string callee) =>
        callee.StartsWith("Invariant.", StringComparison.Ordinal) || callee.Contains(".ThrowIf", StringComparison.Ordinal) || callee == "nameof";

    private void OfExpression(ExpressionSyntax node)
    {
        switch (node)
        {
            case BinaryExpressionSyntax binary:
                OfBinary(binary);
                break;
            case PrefixUnaryExpressionSyntax prefix when prefix.Kind() is SyntaxKind.LogicalNotExpression or SyntaxKind.BitwiseNotExpression or SyntaxKind.UnaryMinusExpression:
                Add("unary dropped", node, prefix.Operand.ToString(), (inner, asked, so) => Candidate.Choose(asked, ((PrefixUnaryExpressionSyntax)inner).Operand, so));
                break;
            case LiteralExpressionSyntax literal:
                OfLiteral(literal);
                break;
        }

        if (IsCondition(node) && IsPlain(node))
        {
            Add("condition negated", node, $"!({node})", (_, asked, so) =>
                ParenthesizedExpression(BinaryExpression(SyntaxKind.ExclusiveOrExpression, ParenthesizedExpression(asked), Candidate.Bracket(so))));
        }
    }

    private void OfBinary(BinaryExpressionSyntax node)
    {
        foreach (var (kind, name) in Replacements(node))
        {
            var mark = SyntaxFacts.GetText(TokenOf(kind));
            Add(name, node, $"{node.Left} {mark} {node.Right}", (inner, asked, so) =>
            {
                var now = (BinaryExpressionSyntax)inner;
                return Cast(node, Candidate.Choose(asked, BinaryExpression(kind, Candidate.Bracket(now.Left), Candidate.Bracket(now.Right)), so));
            });
        }

        if (node.Kind() is SyntaxKind.LogicalAndExpression or SyntaxKind.LogicalOrExpression)
        {
            Add("operand dropped", node, node.Left.ToString(), (inner, asked, so) => Candidate.Choose(asked, ((BinaryExpressionSyntax)inner).Left, so));
            Add("operand dropped", node, node.Right.ToString(), (inner, asked, so) => Candidate.Choose(asked, ((BinaryExpressionSyntax)inner).Right, so));
        }

        if (node.Kind() is SyntaxKind.BitwiseAndExpression or SyntaxKind.BitwiseOrExpression)
        {
            OfMask(node.Left);
            OfMask(node.Right);
        }
    }

    /// <summary>A named constant in a mask becomes 0.</summary>
    private void OfMask(ExpressionSyntax node)
    {
        if (node is (IdentifierNameSyntax or MemberAccessExpressionSyntax) && model.GetSymbolInfo(node).Symbol is IFieldSymbol { IsConst: true } && model.GetTypeInfo(node).Type is { } type)
        {
            var zero = ParenthesizedExpression(DefaultExpression(ParseTypeName(type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat))));
            Add("mask dropped", node, "0", (_, asked, so) => Candidate.Choose(asked, zero, so));
        }
    }

    private void OfLiteral(LiteralExpressionSyntax node)
    {
        if (node.Kind() is SyntaxKind.TrueLiteralExpression or SyntaxKind.FalseLiteralExpression)
        {
            var kind = node.IsKind(SyntaxKind.TrueLiteralExpression) ? SyntaxKind.FalseLiteralExpression : SyntaxKind.TrueLiteralExpression;
            Add("constant", node, kind == SyntaxKind.TrueLiteralExpression ? "true" : "false", (_, asked, so) => Candidate.Choose(asked, LiteralExpression(kind), so));
        }
        else if (node.IsKind(SyntaxKind.NumericLiteralExpression) && node.Token.Value is int or uint or long or ulong)
        {
            Add("constant", node, $"{node} + 1", (_, asked, so) =>
                Cast(node, Candidate.Choose(asked, CheckedExpression(SyntaxKind.UncheckedExpression, BinaryExpression(SyntaxKind.AddExpression, node.WithoutTrivia(), Literal1())), so)));
        }

        static LiteralExpressionSyntax Literal1() => LiteralExpression(SyntaxKind.NumericLiteralExpression, Literal(1));
    }

    private void OfStatement(StatementSyntax node)
    {
        switch (node)
        {
            case ExpressionStatementSyntax { Expression: InvocationExpressionSyntax or AssignmentExpressionSyntax or PostfixUnaryExpressionSyntax or PrefixUnaryExpressionSyntax } statement:
                if (statement.Expression is InvocationExpressionSyntax call && IsGuard(call.Expression.ToString()))
                    break;
                Drop("statement removed", node);
                OfAssignment(statement);
                break;
            case ContinueStatementSyntax:
            case BreakStatementSyntax when node.Parent is not SwitchSectionSyntax:
            case ReturnStatementSyntax when node.Parent is IfStatementSyntax or BlockSyntax { Parent: IfStatementSyntax or ForEachStatementSyntax or ForStatementSyntax or WhileStatementSyntax }:
                Drop("early exit removed", node);
                break;
        }
    }

    private void OfAssignment(ExpressionStatementSyntax statement)
    {
        var kind = statement.Expression.Kind() switch
        {
            SyntaxKind.AddAssignmentExpression => SyntaxKind.SubtractAssignmentExpression,
            SyntaxKind.SubtractAssignmentExpression => SyntaxKind.AddAssignmentExpression,
            SyntaxKind.OrAssignmentExpression => SyntaxKind.AndAssignmentExpression,
            SyntaxKind.AndAssignmentExpression => SyntaxKind.OrAssignmentExpression,
            _ => SyntaxKind.None,
        };
        if (kind == SyntaxKind.None || statement.Expression is not AssignmentExpressionSyntax { Left: var left, Right: var right })
            return;
        var mark = kind switch { SyntaxKind.SubtractAssignmentExpression => "-=", SyntaxKind.AddAssignmentExpression => "+=", SyntaxKind.AndAssignmentExpression => "&=", _ => "|=" };
        Add("assignment", statement, $"{left} {mark} {right}", (inner, asked, so) =>
        {
            var now = (AssignmentExpressionSyntax)((ExpressionStatementSyntax)inner).Expression;
            return IfStatement(asked, Block(ExpressionStatement(AssignmentExpression(kind, now.Left, now.Right))), ElseClause(Block((StatementSyntax)so)));
        });
    }

    private void Drop(string name, StatementSyntax node) => Add(name, node, "nothing", (_, asked, so) =>
        IfStatement(PrefixUnaryExpression(SyntaxKind.LogicalNotExpression, asked), Block((StatementSyntax)so)));

    /// <summary>A constant had a type by its value, which a choice has not.</summary>
    private SyntaxNode Cast(ExpressionSyntax node, SyntaxNode chosen)
    {
        if (!model.GetConstantValue(node).HasValue || model.GetTypeInfo(node).ConvertedType is not { } type)
            return chosen;
        return ParenthesizedExpression(CastExpression(ParseTypeName(type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat)), (ExpressionSyntax)chosen));
    }

    private IEnumerable<(SyntaxKind Kind, string Name)> Replacements(BinaryExpressionSyntax node) => node.Kind() switch
    {
        SyntaxKind.LessThanExpression => [(SyntaxKind.LessThanOrEqualExpression, "boundary"), (SyntaxKind.GreaterThanOrEqualExpression, "relation")],
        SyntaxKind.LessThanOrEqualExpression => [(SyntaxKind.LessThanExpression, "boundary"), (SyntaxKind.GreaterThanExpression, "relation")],
        SyntaxKind.GreaterThanExpression => [(SyntaxKind.GreaterThanOrEqualExpression, "boundary"), (SyntaxKind.LessThanOrEqualExpression, "relation")],
        SyntaxKind.GreaterThanOrEqualExpression => [(SyntaxKind.GreaterThanExpression, "boundary"), (SyntaxKind.LessThanExpression, "relation")],
        SyntaxKind.EqualsExpression => [(SyntaxKind.NotEqualsExpression, "relation")],
        SyntaxKind.NotEqualsExpression => [(SyntaxKind.EqualsExpression, "relation")],
        SyntaxKind.LogicalAndExpression => [(SyntaxKind.LogicalOrExpression, "logic")],
        SyntaxKind.LogicalOrExpression => [(SyntaxKind.LogicalAndExpression, "logic")],
        SyntaxKind.AddExpression when IsNumber(node) => [(SyntaxKind.SubtractExpression, "arithmetic")],
        SyntaxKind.SubtractExpression when IsNumber(node) => [(SyntaxKind.AddExpression, "arithmetic")],
        SyntaxKind.MultiplyExpression => [(SyntaxKind.AddExpression, "arithmetic")],
        SyntaxKind.DivideExpression => [(SyntaxKind.MultiplyExpression, "arithmetic")],
        SyntaxKind.LeftShiftExpression => [(SyntaxKind.RightShiftExpression, "bits")],
        SyntaxKind.RightShiftExpression => [(SyntaxKind.LeftShiftExpression, "bits")],
        SyntaxKind.BitwiseAndExpression => [(SyntaxKind.BitwiseOrExpression, "bits")],
        SyntaxKind.BitwiseOrExpression => [(SyntaxKind.BitwiseAndExpression, "bits")],
        SyntaxKind.ExclusiveOrExpression => [(SyntaxKind.BitwiseAndExpression, "bits")],
        _ => [],
    };

    private bool IsNumber(ExpressionSyntax node) => model.GetTypeInfo(node).Type is { SpecialType: >= SpecialType.System_SByte and <= SpecialType.System_UInt64 };

    private bool IsCondition(ExpressionSyntax node) => node.Parent switch
    {
        IfStatementSyntax or WhileStatementSyntax or DoStatementSyntax or ForStatementSyntax { } => true,
        ConditionalExpressionSyntax choice => choice.Condition == node,
        BinaryExpressionSyntax parent => parent.Kind() is SyntaxKind.LogicalAndExpression or SyntaxKind.LogicalOrExpression,
        ReturnStatementSyntax or ArrowExpressionClauseSyntax or AssignmentExpressionSyntax or EqualsValueClauseSyntax => true,
        _ => false,
    } && model.GetTypeInfo(node) is { Type.SpecialType: SpecialType.System_Boolean, ConvertedType.SpecialType: SpecialType.System_Boolean } && !IsAssigned(node);

    private static bool IsAssigned(ExpressionSyntax node) => node.Parent is AssignmentExpressionSyntax assignment && assignment.Left == node;

    /// <summary>Comparisons and operators have mutants of their own that come to the same.</summary>
    private static bool IsPlain(ExpressionSyntax node) => node is InvocationExpressionSyntax or IdentifierNameSyntax or MemberAccessExpressionSyntax or IsPatternExpressionSyntax or SwitchExpressionSyntax;

    private static SyntaxKind TokenOf(SyntaxKind binary) => BinaryExpression(binary, IdentifierName("a"), IdentifierName("b")).OperatorToken.Kind();

    private void Add(string name, SyntaxNode node, string after, Func<SyntaxNode, ExpressionSyntax, SyntaxNode, SyntaxNode> mutate)
    {
        var member = node.Ancestors().OfType<MemberDeclarationSyntax>().FirstOrDefault();
        var key = $"{file} | {NameOf(member)} | {Flat(node.ToString())} -> {Flat(after)}";
        var count = _names[key] = _names.GetValueOrDefault(key) + 1;
        if (count > 1)
            key += $" #{count}";
        Found.Add(new Candidate(file, node.GetLocation().GetLineSpan().StartLinePosition.Line + 1, name, key, node, mutate));
    }

    private static string NameOf(MemberDeclarationSyntax? member) => member switch
    {
        MethodDeclarationSyntax method => method.Identifier.Text,
        PropertyDeclarationSyntax property => property.Identifier.Text,
        ConstructorDeclarationSyntax constructor => constructor.Identifier.Text,
        FieldDeclarationSyntax field => field.Declaration.Variables[0].Identifier.Text,
        BaseTypeDeclarationSyntax type => type.Identifier.Text,
        _ => "this",
    };

    private static string Flat(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
